from __future__ import annotations

from pathlib import Path

import pytest

from cofeat.cli.each import check_distinct, for_each, outputs, read_bytes
from cofeat.errors import BitstreamError, InvalidInputError


def test_all_are_done_and_each_failure_is_a_line(capsys):
    done = []

    def work(name):
        if name == "bad":
            raise BitstreamError("no\n stream")
        if name == "named":
            raise InvalidInputError("'named' is wrong")
        if name == "gone":
            raise FileNotFoundError(2, "No such file or directory", "gone")
        done.append(name)

    assert for_each(["a", "bad", "named", "gone", "b"], work) == 2
    assert done == ["a", "b"]
    assert capsys.readouterr().err.splitlines() == [
        "cofeat: error: 'bad': no stream",
        "cofeat: error: 'named' is wrong",
        "cofeat: error: No such file or directory 'gone'",
    ]
    assert for_each(["a", "b"], work) == 0


@pytest.mark.parametrize("error", [BrokenPipeError(), ZeroDivisionError(), KeyboardInterrupt()])
def test_what_is_no_fault_of_an_input_ends_all(error):
    def work(name):
        raise error

    with pytest.raises(type(error)):
        for_each(["a", "b"], work)


def test_where_outputs_go(tmp_path):
    assert outputs(["x/a.png", "b.jpeg"], None, None, ".cft") == {
        "x/a.png": str(Path("x/a.cft")),
        "b.jpeg": "b.cft",
    }
    folder = tmp_path / "new"
    assert outputs(["x/a.b.png", "-"], None, folder, ".cft") == {
        "x/a.b.png": str(folder / "a.b.cft"),
        "-": str(folder / "stdin.cft"),
    }
    assert folder.is_dir()
    assert outputs(["-"], None, None, ".cft") == {"-": "-"}
    assert outputs(["a.png"], "-", None, ".cft") == {"a.png": "-"}


def test_same_place_twice_is_refused():
    check_distinct(["a", "b"], ["x", "y"])
    with pytest.raises(InvalidInputError, match="'b' and 'c' would both be written to 'y'"):
        check_distinct(["a", "b", "c"], ["x", "y", "y"])


def test_reading_stops_after_the_most(tmp_path):
    path = tmp_path / "long"
    path.write_bytes(bytes(100))
    assert len(read_bytes(str(path), 10)) == 11
    assert len(read_bytes(str(path), 100)) == 100
    assert len(read_bytes(str(path))) == 100
