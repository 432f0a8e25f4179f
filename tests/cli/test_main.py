"""The dispatcher: help, unknown words, and every error as one line with status 2."""

import re
import subprocess
import sys

import pytest

from cofeat import __version__
from cofeat.cli.main import COMMANDS, INTERRUPTED, WRONG_INPUT, main
from cofeat.errors import InvalidInputError, MissingPackageError


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert re.findall(r"^    (\w+)(?: |$)", text, re.MULTILINE) == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"usage: cofeat {command}" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"cofeat {__version__}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "required: COMMAND (see cofeat --help)"),
        (["trian"], "there is no command 'trian': use one of demo, reproduce, data, train"),
        (["trian"], "Did you mean 'train'?"),
        (["bd"], "required: FILE (see cofeat bd --help)"),
        (["data", "streets", "out", "--seed", "x"], "(see cofeat data streets --help)"),
        (["train", "r.yaml", "--epochs", "5"], "unrecognized arguments: --epochs 5"),
    ],
)
def test_wrong_words_are_told_in_one_line_with_status_2(words, told, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == WRONG_INPUT
    error = capsys.readouterr().err
    assert error.startswith("cofeat: error: ")
    assert told in error
    assert error.count("\n") == 1


def test_overrides_may_stand_on_both_sides_of_options(monkeypatch):
    seen = []
    monkeypatch.setattr("cofeat.cli.train.run", lambda arguments: seen.append(arguments) or 0)
    assert main(["train", "r.yaml", "a.b=1", "-o", "out", "c.d=2", "--json", "e.f=3"]) == 0
    assert seen[0].overrides == ["a.b=1", "c.d=2", "e.f=3"]
    with pytest.raises(SystemExit):
        main(["train", "r.yaml", "-o", "out", "--no-such=1"])
    with pytest.raises(SystemExit):
        main(["info", "runs", "a.b=1"])


@pytest.mark.parametrize(
    ("error", "line", "status"),
    [
        (InvalidInputError("no\n  such thing"), "cofeat: error: no such thing\n", WRONG_INPUT),
        (
            MissingPackageError("torch", "train", "training"),
            "cofeat: error: training needs the package 'torch', which is not installed: "
            "pip install 'cofeat[train]'\n",
            WRONG_INPUT,
        ),
        (
            PermissionError(13, "Permission denied", "/x"),
            "cofeat: error: Permission denied '/x'\n",
            WRONG_INPUT,
        ),
        (
            KeyboardInterrupt(),
            "\ncofeat: interrupted\n",
            INTERRUPTED,
        ),
    ],
)
def test_errors_become_one_line(error, line, status, monkeypatch, capsys):
    def fail(arguments):
        raise error

    monkeypatch.setattr("cofeat.cli.info.run", fail)
    assert main(["info"]) == status
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("command", ["train", "reproduce"])
def test_what_goes_on_where_it_was_stopped_says_so(command, monkeypatch, capsys):
    def interrupted(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"cofeat.cli.{command}.run", interrupted)
    assert main([command, "recipes/quick.yaml"]) == INTERRUPTED
    err = capsys.readouterr().err
    assert err == "\ncofeat: interrupted; the same command goes on from here\n"


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m cofeat info | true"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from cofeat.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'PIL', 'torch', 'lightning', 'pydantic', 'yaml', 'rich', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
