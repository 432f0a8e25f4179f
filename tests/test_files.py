"""Files are there whole or not at all, and a folder is one process's at a time."""

import os
import stat
import subprocess
import sys
import threading

import pytest

from cofeat.files import hold, replacing, write_text


def test_what_fails_changes_nothing(tmp_path):
    path = tmp_path / "a.json"
    write_text(path, "before")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        1 // (temporary.write_text("half") - 4)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("a.json", "before")]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("before")
    link.symlink_to(target)
    write_text(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_written_to_not_replaced(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    with replacing(pipe) as given:
        given.write_bytes(b"abc")
    reader.join(timeout=10)
    assert got == [b"abc"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_place_that_cannot_be_is_called_as_it_was_given(tmp_path):
    for place in (tmp_path / "nowhere" / "a.json", tmp_path):
        with pytest.raises(OSError) as raised:
            write_text(place, "text")
        assert raised.value.filename == str(place)


@pytest.mark.skipif(sys.platform == "win32", reason="no lock there")
def test_a_folder_is_held_until_it_is_let_go_or_its_process_is_killed(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom cofeat.files import hold\n"
        "held = hold(Path(sys.argv[1]))\nprint(held is not None, flush=True)\ntime.sleep(60)"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "True\n"
        assert hold(tmp_path) is None
        other.kill()
    release = hold(tmp_path)
    assert release is not None
    assert hold(tmp_path) is None
    release()
    again = hold(tmp_path)
    assert again is not None
    again()
