"""`cofeat export` as a user meets it, and a bundle in place of a checkpoint."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from cofeat.bundle import open_bundle
from cofeat.cli.export import default_name
from cofeat.cli.main import main
from cofeat.data.streets.write import write_streets
from cofeat.export import write
from cofeat.feature.bitstream import unpack
from cofeat.feature.pipeline import decompress
from cofeat.network.build import load_network


@pytest.fixture(scope="module")
def streets(tmp_path_factory):
    """A few street scenes."""
    folder = tmp_path_factory.mktemp("data") / "streets"
    write_streets(folder, 3, 2, (32, 64), 0, workers=1)
    return folder


@pytest.fixture
def words(exported, streets, monkeypatch):
    """What names the data; the graphs are those of the shared bundle, made once."""
    made = open_bundle(exported.bundle).model()
    monkeypatch.setattr(write, "export_graph", lambda network, part: made.read(part))
    return ["--data", str(streets), "--dataset", "streets", "--size", "64x32", "--threads", "1"]


def test_a_checkpoint_becomes_a_bundle(exported, words, tmp_path, capsys):
    out = tmp_path / "bundle"
    assert main(["export", exported.checkpoint, "-o", str(out), *words, "--calibration", "2"]) == 0
    printed = capsys.readouterr()
    assert "made-baseline: tiny cut at stride8" in printed.out
    assert "2 images of streets val, 64x32" in printed.out
    assert "Measuring made-baseline in int8: 2/2" in printed.err
    entry = open_bundle(out).model("made-baseline").entry
    assert list(entry.files) == ["encoder", "encoder_int8", "heads", "whole"]
    assert set(entry.accuracy.int8) == {"miou", "irmse", "psnr_db"}


def test_several_cuts_with_names_points_and_json(exported, words, tmp_path, capsys):
    sweep = tmp_path / "sweep"
    assert (
        main(["eval", exported.checkpoint, *words[:-2], "-o", str(sweep), "--codecs", "png"]) == 0
    )
    capsys.readouterr()
    (curve,) = sweep.glob("baseline.json")
    out = tmp_path / "bundle"
    assert main([
        "export", f"a={exported.checkpoint}", f"b={exported.checkpoint}", "-o", str(out), *words,
        "--points", f"b={curve}", "--parts", "encoder,heads", "--model-version", "3",
        "--codec", "png:1", "--json",
    ]) == 0  # fmt: skip
    manifest = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in manifest["models"]] == ["a", "b"]
    first, second = manifest["models"]
    # The network uncut is always measured.
    assert [point["sent"] for point in first["points"]] == ["nothing"]
    told = json.loads(curve.read_text())["results"]
    (point, _) = second["points"]
    assert (point["sent"], point["precision"], point["codec"]) == ("features", "fp32", "png")
    assert point["values"]["mean_bytes"] == told["mean_bytes"][0]
    assert (second["version"], second["codec"]) == ("3", "png:1")
    assert list(second["files"]) == ["encoder", "heads"]


def test_points_of_several_curves_and_points_that_are_measured(exported, words, tmp_path, capsys):
    sweep = tmp_path / "sweep"
    assert main(["eval", exported.checkpoint, *words[:-2], "-o", str(sweep),
                 "--codecs", "png,jpeg:90", "--pictures", "webp:75"]) == 0  # fmt: skip
    capsys.readouterr()
    curves = [f"--points={sweep / name}.json" for name in ("baseline", "cloud-webp", "mobile")]
    out = tmp_path / "bundle"
    assert main(["export", exported.checkpoint, "-o", str(out), *words, "--calibration", "2",
                 *curves, "--measure-codecs", "jpeg:90", "--measure-pictures", "jpeg:50",
                 "--json"]) == 0  # fmt: skip
    (model,) = json.loads(capsys.readouterr().out)["models"]
    points = {(p["sent"], p["precision"], p["codec"]): p["values"] for p in model["points"]}
    assert list(points) == [
        ("features", "fp32", "png"), ("features", "fp32", "jpeg:90"),
        ("picture", "fp32", "webp:75"), ("nothing", "fp32", "none"),
        ("features", "int8", "jpeg:90"), ("picture", "fp32", "jpeg:50"),
    ]  # fmt: skip
    # Torch in the sweep and the graphs agree: both coded the same two scenes.
    told = json.loads((sweep / "baseline.json").read_text())["results"]
    exact = points["features", "fp32", "jpeg:90"]
    assert exact["mean_bytes"] == pytest.approx(told["mean_bytes"][1], rel=0.02)
    assert exact["psnr_db"] == pytest.approx(told["psnr_db"][1], rel=1e-3)
    assert exact["bpfe"] == pytest.approx(8 * exact["mean_bytes"] / (64 * 4 * 8))
    uncut = json.loads((sweep / "mobile.json").read_text())["results"]
    assert points["nothing", "fp32", "none"]["psnr_db"] == pytest.approx(
        uncut["psnr_db"][0], rel=1e-4
    )
    sent = points["picture", "fp32", "jpeg:50"]
    assert sent["bpp"] == pytest.approx(8 * sent["mean_bytes"] / (64 * 32))
    assert sent["bpfe"] is None
    # A picture that was sent is its own reconstruction.
    assert sent["psnr_db"] > exact["psnr_db"]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--parts", "tail"], "no part 'tail'"),
        (["--codec", "gif"], "no codec 'gif'"),
        (["--images", "0"], "accuracy_images is 0"),
        (["--measure-codecs", "gif"], "no codec 'gif'"),
        (["--measure-pictures", "png:10"], "the setting of png is 0 to 9"),
        (["--points", "c=nowhere.json"], "there is no model 'c' here"),
        (["--points", "nowhere.json"], "'nowhere.json'"),
        (["--size", "64"], "size '64' is not"),
        (["--threads", "0"], "0 threads"),
    ],
)
def test_wrong_words_are_one_line(exported, words, tmp_path, capsys, extra, message):
    out = tmp_path / "bundle"
    assert main(["export", exported.checkpoint, "-o", str(out), *words, *extra]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_a_checkpoint_that_does_not_tell_its_data(exported, tmp_path, capsys):
    assert main(["export", exported.checkpoint, "-o", str(tmp_path / "bundle")]) == 2
    assert "give --data, --dataset and --size" in capsys.readouterr().err


def test_default_names_are_names(exported, tmp_path):
    model = load_network(exported.checkpoint)
    assert default_name(model) == "made-baseline"
    folder = tmp_path / ".My Run"
    shutil.copytree(exported.checkpoint, folder)
    description = json.loads((folder / "network.json").read_text())
    (folder / "network.json").write_text(json.dumps({**description, "about": {}}))
    assert default_name(load_network(folder)) == "my-run"
    assert default_name(load_network("streets-mobile")) == "streets-mobile"


def test_bundle_and_checkpoint_make_streams_that_each_other_reads(
    exported, picture, tmp_path, capsys
):
    street = picture()
    streams = {}
    for name in ("checkpoint", "bundle"):
        out = tmp_path / f"{name}.cft"
        assert main(["compress", street, "-m", getattr(exported, name), "-o", str(out)]) == 0
        streams[name] = out.read_bytes()
    one, other = (unpack(streams[name]) for name in ("checkpoint", "bundle"))
    assert one.model_id == other.model_id == load_network(exported.checkpoint).model_id
    features = [decompress(stream).features for stream in streams.values()]
    # A value at the border of two of 64 levels may fall on either side.
    step = float(np.ptp(features[0])) / 63
    assert np.abs(features[0] - features[1]).max() <= 1.01 * step
    assert np.mean(np.abs(features[0] - features[1]) > 0.01 * step) < 0.001
    for name, reader in (("checkpoint", exported.bundle), ("bundle", exported.checkpoint)):
        words = ["predict", str(tmp_path / f"{name}.cft"), "-m", reader]
        assert main([*words, "-o", str(tmp_path / "out")]) == 0
    one, other = (
        np.load(tmp_path / "out" / f"{name}_reconstruction.npy")
        for name in ("checkpoint", "bundle")
    )
    np.testing.assert_allclose(one, other, atol=0.01)


def test_compress_and_predict_from_a_bundle_need_no_torch(exported, picture, tmp_path):
    code = (
        "import sys\n"
        "from cofeat.cli.main import main\n"
        "street, bundle, stream, out = sys.argv[1:]\n"
        "assert main(['compress', street, '-m', bundle, '-o', stream]) == 0\n"
        "assert main(['predict', stream, '-m', bundle, '-o', out]) == 0\n"
        "assert 'onnxruntime' in sys.modules\n"
        "heavy = {'torch', 'lightning', 'safetensors', 'onnx'}.intersection(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    words = [picture(), f"{exported.bundle}:tiny", str(tmp_path / "a.cft"), str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "a_segmentation.png").is_file()


def test_a_damaged_bundle_is_one_line(exported, picture, tmp_path, capsys):
    folder = tmp_path / "bundle"
    shutil.copytree(exported.bundle, folder)
    file = folder / "tiny" / "heads.onnx"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert main(["compress", picture(), "-m", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "SHA-256 of 'tiny/heads.onnx'" in error
    assert error.count("\n") == 1
