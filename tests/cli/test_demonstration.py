"""The split, shown: it is made once, and nothing of it is left running."""

import json
import multiprocessing
import shutil
import signal
import socket
import subprocess
import sys
import threading

import httpx
import numpy as np
import pytest
from PIL import Image

from cofeat.cli import demonstration
from cofeat.cli.demonstration import cloud, is_shown, show_split
from cofeat.errors import LinkError, MissingPackageError
from cofeat.network.build import load_network
from cofeat.tasks import load_task

PATIENCE_S = 120


def refuses(url):
    try:
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        socket.create_connection(address, timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.fixture(scope="module")
def model(exported):
    return load_network(exported.checkpoint)


@pytest.fixture(scope="module")
def shown(model, noise, tmp_path_factory):
    """The folder of a run in which the split was shown."""
    run = tmp_path_factory.mktemp("run")
    about = {"key": "k", "command": "cofeat reproduce", "date": "", "machine": {}, "commit": None}
    show_split(model, lambda: (noise(4, 1), noise(6, 2)), run, about)
    return run


def test_overlays_and_stages_are_kept(shown, noise):
    pictures = shown / "results" / "pictures"
    told = json.loads((pictures / "split.json").read_text())
    (row,) = told["rows"]
    named = dict(zip(told["header"], row, strict=True))
    assert (named["mode"], named["frames"]) == ("split", "4")
    assert float(named["total ms"]) > 0
    (grid,) = told["grids"]
    assert grid["columns"] == ["picture", "segmentation", "disparity", "reconstruction"]
    assert [row["label"] for row in grid["rows"]] == [f"noise_{index}" for index in range(4)]
    first = {
        column: np.asarray(Image.open(pictures / cell["file"]))
        for column, cell in zip(grid["columns"], grid["rows"][0]["cells"], strict=True)
    }
    np.testing.assert_array_equal(first["picture"], noise(6, 2)[0].image)
    # Half of what stands over the picture is one of the classes' colors.
    laid = 2 * first["segmentation"].astype(int) - first["picture"]
    colors = load_task("segmentation").draw(np.arange(19, dtype=np.uint8)[None])[0].astype(int)
    distance = np.abs(laid[:, :, None] - colors).max(axis=-1).min(axis=-1)
    assert distance.max() <= 1


def test_what_is_shown_is_not_shown_again_unless_it_is_another_network(shown, tmp_path):
    pictures = tmp_path / "pictures"
    shutil.copytree(shown / "results" / "pictures", pictures)
    assert is_shown(pictures, "k")
    assert (pictures / "split.json").is_file()
    assert not is_shown(pictures, "another")
    assert not (pictures / "split.json").exists()
    assert not is_shown(pictures, "k")


@pytest.mark.parametrize("state", ["whole", "damaged"])
def test_a_whole_bundle_of_the_network_is_kept(shown, model, noise, tmp_path, state):
    bundle = tmp_path / "bundle"
    shutil.copytree(shown / "bundle", bundle)
    (name,) = (path.name for path in bundle.iterdir() if path.is_dir())
    heads = bundle / name / "heads.onnx"
    if state == "damaged":
        heads.write_bytes(b"")
    before = (bundle / "manifest.json").stat().st_ino
    demonstration._export(model, noise(2, 1), noise(2, 2), bundle)
    assert ((bundle / "manifest.json").stat().st_ino == before) == (state == "whole")
    assert heads.read_bytes() == (shown / "bundle" / name / "heads.onnx").read_bytes()


def test_the_cloud_ends_with_the_block(exported):
    def interrupted(url):
        assert httpx.get(f"{url}/v2/health/live", timeout=PATIENCE_S).status_code == 200
        urls.append(url)
        raise KeyboardInterrupt

    urls = []
    with pytest.raises(KeyboardInterrupt), cloud(exported.bundle) as url:
        interrupted(url)
    assert refuses(urls[0])
    assert multiprocessing.active_children() == []


def test_the_cloud_ends_with_its_parent_even_where_that_is_killed(exported, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal, sys\n"
        "from cofeat.cli.demonstration import cloud\n"
        "if __name__ == '__main__':\n"
        "    with cloud(sys.argv[1]) as url:\n"
        "        print(url, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, str(script), exported.bundle]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == -signal.SIGKILL
    for _ in range(PATIENCE_S * 20):
        if refuses(done.stdout.strip()):
            return
        threading.Event().wait(0.05)
    raise AssertionError("it is still there")


def test_a_cloud_that_does_not_start_says_why(tmp_path):
    with pytest.raises(LinkError, match="does not start: 'nowhere' is no folder"):
        cloud("nowhere").__enter__()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("package", ["uvicorn", "httpx"])
def test_a_missing_package_is_named_with_its_extra(model, tmp_path, monkeypatch, package):
    for name in [name for name in sys.modules if name.startswith("cofeat.edge")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=r"pip install 'cofeat\[cloud,edge\]'"):
        show_split(model, lambda: pytest.fail("too late"), tmp_path, {})
