"""`cofeat train`, `eval`, `info` and `reproduce` as a user meets them, on a few tiny scenes."""

import copy
import csv
import json
import shutil
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml
from PIL import Image

from cofeat.cli.main import main

TINY = [
    "data.size=64x32", "data.train=8", "data.val=4", "train.epochs=2", "train.batch=4",
    "train.validate_epochs=1", "train.log_steps=1", "evaluate.resamples=50",
    "evaluate.codecs=[png,jpeg:95,jpeg:80,jpeg:50,jpeg:20]", "evaluate.pictures=[jpeg:80,webp:75]",
]  # fmt: skip


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    """A whole experiment, made once for this file."""
    folder = tmp_path_factory.mktemp("reproduced")
    assert main(["reproduce", "recipes/quick.yaml", *TINY, "--split", "-o", str(folder)]) == 0
    return folder


class _Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.text = ""

    def handle_data(self, data):
        self.text += data


def test_reproduce_leaves_results_and_a_report(reproduced):
    names = {path.name for path in (reproduced / "results").iterdir()}
    assert {
        "baseline.json", "proposed.json", "mobile.json", "cloud-jpeg.json", "cloud-webp.json",
        "bd.json", "points.csv", "provenance.json", "pictures",
    } <= names  # fmt: skip
    page = _Text()
    page.feed((reproduced / "report.html").read_text(encoding="utf-8"))
    assert "stand-in" in page.text
    assert "The split at run time" in page.text
    split = json.loads((reproduced / "results" / "pictures" / "split.json").read_text())
    assert [row[:2] for row in split["rows"]] == [["split", "4"]]
    bd = json.loads((reproduced / "results" / "bd.json").read_text())
    assert [row["measure"] for row in bd["tables"][0]["rows"]] == ["miou", "irmse", "psnr_db"]


def test_points_count_every_byte(reproduced):
    """Mean bytes of the curve are those of the streams, in bits per element and per pixel."""
    curve = json.loads((reproduced / "results" / "proposed.json").read_text())
    sizes = np.load(reproduced / "results" / "proposed.npz", allow_pickle=False)["bytes"]
    results = curve["results"]
    np.testing.assert_allclose(results["mean_bytes"], sizes.mean(axis=1))
    elements = 64 * 4 * 8  # tiny encoder: 64 channels at an eighth of 64x32
    np.testing.assert_allclose(results["bpfe"], 8 * sizes.mean(axis=1) / elements)
    np.testing.assert_allclose(results["bpp"], 8 * sizes.mean(axis=1) / (64 * 32))


def test_cloud_only_reconstruction_is_the_decoded_picture(reproduced):
    """More bytes of a JPEG give a better PSNR than any network: its own pixels are measured."""
    jpeg = json.loads((reproduced / "results" / "cloud-jpeg.json").read_text())["results"]
    mobile = json.loads((reproduced / "results" / "mobile.json").read_text())["results"]
    assert jpeg["psnr_db"][0] > mobile["psnr_db"][0] + 5
    assert jpeg["bpfe"] == [None]


def test_reproduce_again_changes_nothing(reproduced, capsys):
    before = {
        path: path.stat().st_mtime_ns
        for path in (*(reproduced / "results").rglob("*.json"), *(reproduced / "bundle").iterdir())
        if path.name != "bd.json"
    }
    weights = list(reproduced.glob("*/checkpoint-*/weights.safetensors"))
    assert len(weights) == 2
    words = ["reproduce", "recipes/quick.yaml", *TINY, "--split", "-o", str(reproduced), "--json"]
    assert main(words) == 0
    out = json.loads(capsys.readouterr().out)
    assert {curve["name"] for curve in out["curves"]} >= {"baseline", "proposed", "mobile"}
    assert all(path.stat().st_mtime_ns == then for path, then in before.items())


def test_without_the_packages_of_the_split_the_report_does_without(
    reproduced, tmp_path, monkeypatch, capsys
):
    folder = shutil.copytree(reproduced, tmp_path / "copy")
    (folder / "results" / "pictures" / "split.json").unlink()
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    root = f"data.root={next(reproduced.glob('streets-*'))}"
    assert main(["reproduce", "recipes/quick.yaml", *TINY, root, "--split", "-o", str(folder)]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "split" in line]
    assert "pip install 'cofeat[cloud,edge]'" in line
    assert "The split at run time" not in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["train", "reproduce"])
def test_a_stopped_run_says_so_to_a_script(command, tmp_path, capsys):
    """75 is EX_TEMPFAIL of sysexits.h: try again. A script must not go on with half a training."""
    words = [command, "recipes/quick.yaml", *TINY, "train.epochs=1", "-o", str(tmp_path / "run")]
    assert main([*words, "machine.max_minutes=1e-9"]) == 75
    assert "the same command goes on from here" in capsys.readouterr().out
    assert main(words) == 0


def test_reproduce_with_another_recipe_is_refused(reproduced, capsys):
    words = ["reproduce", "recipes/quick.yaml", *TINY, "train.seed=9", "-o", str(reproduced)]
    assert main(words) == 2
    assert "train.seed is 0 there and 9 here" in capsys.readouterr().err
    kept = yaml.safe_load((reproduced / "recipe.yaml").read_text(encoding="utf-8"))
    assert kept["train"]["seed"] == 0


def test_eval_writes_curves_predictions_and_features(reproduced, tmp_path, capsys):
    data = next(reproduced.glob("streets-*"))
    words = [
        "eval", str(reproduced / "proposed"), "--data", str(data), "--codecs", "png,jpeg:80",
        "--images", "3", "-o", str(tmp_path), "--save-predictions", "--save-features", "--json",
    ]  # fmt: skip
    assert main(words) == 0
    curves = json.loads(capsys.readouterr().out)
    assert [curve["name"] for curve in curves] == ["proposed", "mobile"]
    assert curves[0]["images"] == 3
    trained = curves[0]["provenance"]["trained"]
    kept = yaml.safe_load((reproduced / "recipe.yaml").read_text(encoding="utf-8"))
    assert trained["recipe"]["loss"] == kept["loss"]
    assert trained["recipe"]["train"] == kept["train"] | {"arm": "proposed"}
    (network,) = reproduced.glob("proposed/checkpoint-*/network.json")
    assert trained["commit"] == json.loads(network.read_text())["about"]["commit"]
    with (tmp_path / "points.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["codec"] for row in rows] == ["png", "jpeg", "none"]
    features = np.load(tmp_path / "features.npz", allow_pickle=False)["features"]
    assert features.shape == (3, 64, 4, 8)
    labels = sorted((tmp_path / "predictions" / "proposed" / "png" / "segmentation").iterdir())
    assert len(labels) == 3
    assert np.asarray(Image.open(labels[0])).shape == (32, 64)
    depths = sorted((tmp_path / "predictions" / "proposed" / "png" / "disparity").iterdir())
    assert np.asarray(Image.open(depths[0])).dtype == np.uint16


def test_saved_predictions_have_our_miou_by_cityscapes_own_evaluator(reproduced, tmp_path):
    evaluator = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    data = next(reproduced.glob("streets-*"))
    words = ["eval", str(reproduced / "proposed"), "--data", str(data), "--codecs", "png"]
    assert main([*words, "-o", str(tmp_path), "--save-predictions"]) == 0
    predictions = sorted((tmp_path / "predictions/proposed/png/segmentation").iterdir())
    truths = sorted((data / "gtFine" / "val").rglob("*_labelIds.png"))
    assert len(predictions) == len(truths) == 4
    arguments = copy.copy(evaluator.args)
    arguments.quiet, arguments.JSONOutput, arguments.evalInstLevelScore = True, False, False
    theirs = evaluator.evaluateImgLists([*map(str, predictions)], [*map(str, truths)], arguments)
    ours = json.loads((tmp_path / "proposed.json").read_text())["results"]["miou"][0]
    assert ours == pytest.approx(theirs["averageScoreClasses"], rel=1e-9)


def test_eval_finds_its_data_and_keeps_curves_apart(reproduced, tmp_path):
    """One spec names a codec of features and one of pictures: two curves, two folders."""
    words = ["eval", str(reproduced / "proposed"), "--codecs", "jpeg:50", "--pictures", "jpeg:50"]
    words += ["--images", "1", "-o", str(tmp_path), "--save-predictions"]
    assert main(words) == 0
    folders = {str(path.relative_to(tmp_path)) for path in (tmp_path / "predictions").glob("*/*")}
    assert folders == {
        "predictions/proposed/jpeg-50", "predictions/cloud-jpeg/jpeg-50", "predictions/mobile/none",
    }  # fmt: skip


def test_curves_no_longer_asked_for_leave_the_report(reproduced, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(reproduced, folder)
    fewer = ["evaluate.pictures=[webp:75]", f"data.root={next(reproduced.glob('streets-*'))}"]
    assert main(["reproduce", "recipes/quick.yaml", *TINY, *fewer, "-o", str(folder)]) == 0
    assert not (folder / "results" / "cloud-jpeg.json").exists()
    assert (folder / "results" / "cloud-webp.json").exists()


def test_eval_and_reproduce_agree(reproduced, tmp_path):
    """Two ways to the same figure: the same checkpoint, data and codec."""
    data = next(reproduced.glob("streets-*"))
    words = ["eval", str(reproduced / "baseline"), "--data", str(data), "-o", str(tmp_path)]
    assert main([*words, "--codecs", "png"]) == 0
    alone = json.loads((tmp_path / "baseline.json").read_text())["results"]
    whole = json.loads((reproduced / "results" / "baseline.json").read_text())["results"]
    assert alone["mean_bytes"][0] == whole["mean_bytes"][0]
    assert alone["miou"][0] == pytest.approx(whole["miou"][0], abs=1e-6)


def test_an_arm_that_got_tables_is_measured_anew(reproduced, tmp_path):
    folder, data = tmp_path / "fitted", next(reproduced.glob("streets-*"))
    shutil.copytree(reproduced, folder)
    fit = ["fit", str(folder / "proposed"), "--data", str(data), "--images", "4"]
    assert main([*fit, "--generations", "1"]) == 0
    words = [*TINY, f"data.root={data}", "-o", str(folder)]
    assert main(["reproduce", "recipes/quick.yaml", *words]) == 0

    def results(run, arm):
        return (run / "results" / f"{arm}.json").read_bytes()

    assert results(folder, "baseline") == results(reproduced, "baseline")
    assert results(folder, "proposed") != results(reproduced, "proposed")


def test_info_describes_a_checkpoint(reproduced, capsys):
    assert main(["info", str(reproduced / "proposed"), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["arm"] == "proposed"
    assert about["features of a picture"] == [64, 4, 8]
    assert len(bytes.fromhex(about["model id"])) == 8


def test_info_lists_the_parts(capsys):
    assert main(["info", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert {"resnet34", "efficientnet_lite0", "tiny"} <= about["encoders"].keys()
    assert {"png", "jpeg"} <= set(about["codecs"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "nowhere.yaml"], "cannot read recipe 'nowhere.yaml'"),
        (["train", "recipes/quick.yaml", "train.epocs=3"], "did you mean 'train.epochs'?"),
        (["train", "recipes/quick.yaml", "train.epochs=many"], "'train.epochs' is 'many'"),
        (["train", "recipes/quick.yaml", "epochs"], "'epochs' is not KEY=VALUE"),
        (["train", "recipes/quick.yaml", "network.encoder=resnet43"], "Did you mean 'resnet34'?"),
        (["train", "recipes/cityscapes-encoder2.yaml"], "add data.root=FOLDER"),
        (["train", "recipes/quick.yaml", "train.pictures=[none,avif:400]"], "of avif is 0 to 100"),
        (["reproduce", "recipes/quick.yaml", "evaluate.codecs=[pgn]"], "no codec 'pgn'"),
        (["reproduce", "recipes/quick.yaml", "evaluate.codecs=[]"], "'evaluate.codecs'"),
        (["reproduce", "recipes/quick.yaml", "network.bits=12"], "'jpeg' holds up to 8 bits, not"),
        (["eval", "nowhere"], "'nowhere' is no folder"),
        (["info", "nowhere"], "'nowhere' is no folder"),
        (["eval", "nowhere", "--codecs", "png:99"], "setting"),
    ],
)
def test_wrong_input_is_one_line(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    if words[0] in ("train", "reproduce"):
        words = [*words, "-o", str(tmp_path / "run")]
    assert main(words) == 2
    err = capsys.readouterr().err.splitlines()
    assert message in err[-1]
    assert err[-1].startswith("cofeat: error: ")
