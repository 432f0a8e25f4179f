import errno
import subprocess
import sys

import pytest

from cofeat.edge.outbox import Outbox
from cofeat.edge.wire import Request
from cofeat.errors import BitstreamError, InvalidInputError, QueueFullError


def request(data=b"features"):
    return Request("tiny", "bitstream", data, (30, 50), ("segmentation", "disparity"), "png")


@pytest.fixture
def box(tmp_path):
    box = Outbox(tmp_path)
    yield box
    box.close()


def drain(box):
    """Take out everything, oldest first."""
    taken = []
    while (waiting := box.oldest()) is not None:
        box.remove(waiting)
        taken.append(waiting)
    return taken


def test_what_goes_in_comes_out_in_order(box):
    payloads = [b"", b"\n\n", bytes(range(256)), b"x" * 10_000]
    for number, data in enumerate(payloads):
        assert box.put(f"frame {number}\n", "png", request(data)) == []
    assert len(box) == 4
    taken = drain(box)
    assert [waiting.request for waiting in taken] == [request(data) for data in payloads]
    assert [waiting.name for waiting in taken] == [f"frame {number}\n" for number in range(4)]
    assert len(box) == 0


def test_order_outlives_the_process_and_more_than_ten_frames(tmp_path):
    names = [f"{number}" for number in range(12)]
    for name in names:
        box = Outbox(tmp_path)
        box.put(name, "png", request())
        box.close()
    box = Outbox(tmp_path)
    assert [waiting.name for waiting in drain(box)] == names
    box.close()


def test_a_full_queue_refuses(tmp_path):
    box = Outbox(tmp_path, max_bytes=1000)
    box.put("a", "png", request(bytes(400)))
    with pytest.raises(QueueFullError, match="may hold 1000"):
        box.put("b", "png", request(bytes(400)))
    assert [waiting.name for waiting in drain(box)] == ["a"]
    box.close()


def test_a_full_disk_refuses_the_new_frame_and_takes_none_of_the_others(tmp_path, monkeypatch):
    box = Outbox(tmp_path, 1000, "drop-oldest")
    for name in "abc":
        box.put(name, "png", request(bytes(50)))

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("cofeat.edge.outbox.os.fsync", full)
        with pytest.raises(QueueFullError, match="cannot be written: No space left on device"):
            box.put("d", "png", request(bytes(500)))
    assert [file.suffix for file in tmp_path.iterdir() if file.name != ".lock"] == [".frame"] * 3
    assert box.put("e", "png", request(bytes(500))) == ["a", "b"]
    assert [waiting.name for waiting in drain(box)] == ["c", "e"]
    box.close()


def test_or_drops_the_oldest_but_never_for_what_cannot_fit(tmp_path):
    box = Outbox(tmp_path, 1000, "drop-oldest")
    assert box.put("a", "png", request(bytes(200))) == []
    assert box.put("b", "png", request(bytes(200))) == []
    assert box.put("c", "png", request(bytes(500))) == ["a", "b"]
    with pytest.raises(QueueFullError):
        box.put("d", "png", request(bytes(1000)))
    assert [waiting.name for waiting in drain(box)] == ["c"]
    box.close()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}\n",
        b"[]\n",
        b"\xff\n",
        b"no JSON",
        b'{"name": "a", "codec": "png", "model": "m", "kind": "other", "size": [1, 2], '
        b'"tasks": [], "answers": "png", "data": 0}\n',
        b'{"name": "a", "codec": "png", "model": "m", "kind": "image", "size": [1], '
        b'"tasks": [], "answers": "png", "data": 0}\n',
        b'{"name": "a", "codec": "png", "model": "m", "kind": "image", "size": [1, 2], '
        b'"tasks": [], "answers": "xml", "data": 0}\n',
        b'{"name": "a", "codec": "png", "model": "m", "kind": "image", "size": [1, 2], '
        b'"tasks": [], "answers": "png", "data": 5}\nfour',
    ],
)
def test_a_damaged_file_is_told_and_can_be_taken_out(tmp_path, content):
    (tmp_path / "000000000001.frame").write_bytes(content)
    box = Outbox(tmp_path)
    box.put("next", "png", request())
    with pytest.raises(BitstreamError, match=r"000000000001\.frame"):
        box.oldest()
    assert box.drop_oldest() == "000000000001.frame"
    assert [waiting.name for waiting in drain(box)] == ["next"]
    box.close()


def test_half_of_a_file_of_a_killed_process_is_no_frame(tmp_path):
    (tmp_path / ".tmp-123-000000000001.frame").write_bytes(b"half")
    (tmp_path / "notes.frame").write_bytes(b"not ours")
    box = Outbox(tmp_path)
    assert len(box) == 0
    assert [file.name for file in tmp_path.glob("*frame*")] == ["notes.frame"]
    box.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no lock there")
def test_one_process_at_a_time(box, tmp_path):
    code = (
        "import sys\nfrom cofeat.edge.outbox import Outbox\nfrom cofeat.errors import "
        "InvalidInputError\ntry: Outbox(sys.argv[1])\nexcept InvalidInputError as e: print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "in use by another process" in done.stdout


def test_arguments_that_cannot_be(tmp_path):
    with pytest.raises(InvalidInputError, match="refuse or drop-oldest"):
        Outbox(tmp_path, when_full="burn")
    with pytest.raises(InvalidInputError, match="at least 1"):
        Outbox(tmp_path, max_bytes=0)
