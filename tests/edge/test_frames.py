import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from cofeat.edge.frames import frames
from cofeat.errors import InvalidInputError, MissingPackageError

GREYS = (10, 120, 230)


def write_video(path, greys=GREYS):
    """Write frames of one grey each, 64x48, without loss of what one can tell apart."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w", format="mp4" if path.suffix == ".mp4" else "matroska") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for grey in greys:
            image = np.full((48, 64, 3), grey, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def picture(path, grey):
    Image.new("RGB", (5, 3), (grey, grey, grey)).save(path)
    return path


def greys_of(source):
    return [round(float(frame.read().mean())) for frame in frames(source)]


@pytest.fixture
def piped(monkeypatch):
    def pipe(data):
        stdin = SimpleNamespace(buffer=io.BufferedReader(io.BytesIO(data)))
        monkeypatch.setattr(sys, "stdin", stdin)

    return pipe


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "avif", "tiff", "bmp", "gif", "ppm"])
def test_a_picture_of_every_format(tmp_path, suffix):
    path = picture(tmp_path / f"street.{suffix}", 120)
    (frame,) = frames(path)
    assert frame.name == "street"
    assert frame.read().shape == (3, 5, 3)
    assert frame.read().mean() == pytest.approx(120, abs=3)


def test_a_picture_is_known_by_its_bytes(tmp_path, piped):
    path = picture(tmp_path / "street.png", 50)
    other = tmp_path / "no_ending"
    other.write_bytes(path.read_bytes())
    assert greys_of(str(other)) == [50]
    piped(path.read_bytes())
    (frame,) = frames("-")
    assert frame.name == "stdin"
    assert frame.read().mean() == 50


def test_a_folder_in_the_order_of_its_names(tmp_path):
    for number, grey in ((2, 20), (1, 10), (3, 30)):
        picture(tmp_path / f"{number}.png", grey)
    (tmp_path / "notes.txt").write_text("no picture")
    assert [frame.name for frame in frames(tmp_path)] == ["1", "2", "3"]
    assert greys_of(tmp_path) == [10, 20, 30]


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_video(tmp_path, ending):
    path = write_video(tmp_path / f"drive.{ending}")
    assert [frame.name for frame in frames(path)] == [f"drive_00000{n}" for n in range(3)]
    assert greys_of(path) == pytest.approx(GREYS, abs=4)
    assert next(frames(path)).read().shape == (48, 64, 3)


def test_a_video_from_standard_input(tmp_path, piped):
    piped(write_video(tmp_path / "drive.mkv").read_bytes())
    assert greys_of("-") == pytest.approx(GREYS, abs=4)


def test_a_video_that_is_turned_comes_upright(monkeypatch):
    from cofeat.edge.video import _upright

    image = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    turned = SimpleNamespace(rotation=90, to_ndarray=lambda **_: image)
    np.testing.assert_array_equal(_upright(turned), image.transpose(1, 0, 2)[::-1])
    straight = SimpleNamespace(rotation=0, to_ndarray=lambda **_: image)
    assert _upright(straight) is image


def test_what_is_no_picture_and_no_video(tmp_path, piped):
    pytest.importorskip("av")
    (tmp_path / "text").write_text("neither")
    with pytest.raises(InvalidInputError, match="/text' cannot be read as a picture or a video"):
        list(frames(tmp_path / "text"))
    with pytest.raises(InvalidInputError, match="there is no file"):
        list(frames("nowhere.png"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="holds no picture"):
        list(frames(tmp_path / "empty"))
    piped(b"")
    with pytest.raises(InvalidInputError, match="is empty"):
        list(frames("-"))


def test_a_damaged_picture_is_found_when_it_is_read(tmp_path):
    path = picture(tmp_path / "street.png", 50)
    path.write_bytes(path.read_bytes()[:40])
    (frame,) = frames(path)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        frame.read()


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "drive.mp4").write_bytes(b"a video")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingPackageError, match=r"cofeat\[video\]"):
        list(frames(tmp_path / "drive.mp4"))
