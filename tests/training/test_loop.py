"""Training end to end on a tiny data set that can be learned."""

import math
import os
import signal
import sys
import warnings

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cofeat.data.feed import HeldFeed
from cofeat.errors import InvalidInputError, TrainingError
from cofeat.feature.pipeline import compress
from cofeat.network.build import load_network
from cofeat.tasks import load_task
from cofeat.training.log import read_log
from cofeat.training.loop import train

ARMS = {
    "baseline": ["train.arm=baseline"],
    "proposed": ["train.arm=proposed", "loss.compressibility.pressure=3"],
}
LONG = [
    "train.epochs=12", "train.validate_epochs=12", "train.learning_rate=3e-3",
    # In px^2 it would outweigh everything else before a trained weight found its place.
    "loss.tasks.disparity.rule=log",
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(recipe_file, data, tmp_path_factory):
    """Both arms, trained long enough to differ; the second with strong pressure."""
    from cofeat.training.recipe import load_recipe

    folder = tmp_path_factory.mktemp("runs")
    for arm, words in ARMS.items():
        assert train(load_recipe(recipe_file, [*LONG, *words]), folder / arm, data)
    return folder


def rows_of(run):
    """(training rows, validation rows) of a log, numbers where there are any."""
    rows = [
        {name: float(value) for name, value in row.items() if value}
        for row in read_log(run / "log.csv")
    ]
    return [row for row in rows if "loss" in row], [row for row in rows if "loss" not in row]


def mean(rows, name):
    return np.mean([row[name] for row in rows])


@pytest.mark.parametrize("arm", ARMS)
def test_the_loss_of_every_task_goes_down(runs, arm):
    rows, _ = rows_of(runs / arm)
    for task in ("segmentation", "disparity", "reconstruction"):
        assert mean(rows[-4:], f"loss_{task}") < 0.9 * mean(rows[:4], f"loss_{task}")


def test_pressure_brings_compressibility_down_and_coded_bytes_with_it(runs, data):
    rows, _ = rows_of(runs / "proposed")
    assert mean(rows[-4:], "loss_compressibility") < 0.3 * mean(rows[:4], "loss_compressibility")
    sizes = {}
    for arm in ARMS:
        network = load_network(runs / arm).network
        images = np.stack([data[1][index].image for index in range(4)]).transpose(0, 3, 1, 2)
        with torch.no_grad():
            features = network.encode(torch.from_numpy(images)).numpy()
        sizes[arm] = sum(len(compress(one, "png")) for one in features)
    assert sizes["proposed"] < 0.9 * sizes["baseline"]


def test_the_log_has_what_the_report_shows(runs):
    columns = {
        "step", "epoch", "lr", "images_per_s", "loss", "feature_range", "bits_per_element",
        "loss_segmentation", "loss_disparity", "loss_reconstruction",
        "weight_segmentation", "weight_disparity", "weight_reconstruction",
        "pressure_segmentation", "pressure_disparity", "pressure_reconstruction",
        "val_miou", "val_irmse", "val_psnr_db",
    }  # fmt: skip
    own = {"loss_compressibility", "weight_compressibility", "pressure_compressibility"}
    assert set(read_log(runs / "baseline" / "log.csv")[0]) == columns
    assert set(read_log(runs / "proposed" / "log.csv")[0]) == columns | own
    rows, validations = rows_of(runs / "proposed")
    assert [row["step"] for row in rows] == list(range(1, 49))
    assert [row["step"] for row in validations] == [48]
    assert set(validations[0]) == {
        "step", "epoch", "bits_per_element", "val_miou", "val_irmse", "val_psnr_db",
    }  # fmt: skip
    for row in rows:
        # With the rule log the pressure really used is the one asked for.
        assert row["pressure_compressibility"] == pytest.approx(3.0, rel=1e-4)
        assert row["weight_disparity"] * row["loss_disparity"] == pytest.approx(
            row["pressure_disparity"], rel=1e-4
        )


def test_the_learning_rate_decays_as_a_polynomial(runs):
    rows, _ = rows_of(runs / "baseline")
    expected = [3e-3 * (1 - step / 48) ** 0.9 for step in range(48)]
    assert [row["lr"] for row in rows] == pytest.approx(expected, rel=1e-5)


def test_measures_of_validation_are_the_networks(runs, data):
    """The checkpoint, run by hand on each image through the numpy measures."""
    network = load_network(runs / "baseline").network
    figures = {task: [] for task in network.tasks}
    for index in range(4):
        sample = data[1][index]
        image = torch.from_numpy(sample.image.transpose(2, 0, 1)[None].copy())
        with torch.no_grad():
            features, _ = network(image)
            outputs = network.predict(network.qlayer(features), (32, 64))
        for task, output in outputs.items():
            figures[task].append(load_task(task).figures(output[0].numpy(), sample.truths[task]))
    _, (row,) = rows_of(runs / "baseline")
    for name, made in figures.items():
        task = load_task(name)
        expected = task.summarize(np.stack(made))
        assert row[f"val_{task.measure}"] == pytest.approx(expected, rel=1e-3)


def test_bits_of_validation_are_those_of_the_streams(runs, data):
    network = load_network(runs / "proposed").network
    images = np.stack([data[1][index].image for index in range(4)]).transpose(0, 3, 1, 2)
    with torch.no_grad():
        features = network.encode(torch.from_numpy(images.copy())).numpy()
    sent_bytes = sum(len(compress(one, "png")) for one in features)
    _, (row,) = rows_of(runs / "proposed")
    assert row["bits_per_element"] == pytest.approx(8 * sent_bytes / features.size, rel=0.01)


def test_tensorboard_has_the_curves_and_pictures(runs):
    events = EventAccumulator(str(runs / "proposed" / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) >= {
        "loss", "loss/compressibility", "loss/segmentation", "weight/compressibility",
        "weight/disparity", "feature_range", "bits_per_element", "val/miou", "lr",
    }  # fmt: skip
    assert set(events.Tags()["images"]) == {"segmentation", "disparity", "reconstruction"}
    rows, _ = rows_of(runs / "proposed")
    told = [event.value for event in events.Scalars("loss/compressibility")]
    assert told == pytest.approx([row["loss_compressibility"] for row in rows], rel=1e-4)


def test_both_arms_start_from_the_same_network(runs):
    first = {arm: rows_of(runs / arm)[0][0] for arm in ARMS}
    for task in ("segmentation", "disparity", "reconstruction"):
        name = f"loss_{task}"
        assert first["baseline"][name] == first["proposed"][name]


def test_a_complete_run_does_not_read_its_images_again(runs, recipe):
    class Unreadable:
        size, names = (32, 64), tuple("abcdefghijklmnop")

        def __len__(self):
            return 16

        def __getitem__(self, index):
            raise InvalidInputError("read")

    words = [*LONG, *ARMS["baseline"]]
    assert train(recipe(*words), runs / "baseline", (Unreadable(), Unreadable()))


@pytest.mark.parametrize(
    "words",
    [
        ["machine.cache=none", "machine.workers=0"],
        ["machine.cache=none", "machine.workers=1"],
        ["machine.cache=device"],
    ],
)
def test_where_the_data_are_held_changes_nothing(recipe, data, weights, tmp_path, words):
    train(recipe("train.epochs=1"), tmp_path / "memory", data)
    train(recipe("train.epochs=1", *words), tmp_path / "other", data)
    expected = weights(tmp_path / "memory")
    for name, value in weights(tmp_path / "other").items():
        assert torch.equal(value, expected[name])


def test_accumulated_batches_make_one_step(recipe, data, tmp_path):
    """With fixed weights and equal counts the mean of two halves is the whole."""
    words = [
        "train.freeze_batch_norm=true", "network.tasks=[reconstruction]", "train.epochs=1",
        "train.arm=baseline", "loss.tasks.reconstruction.rule=fixed",
    ]  # fmt: skip
    train(recipe(*words, "train.batch=8"), tmp_path / "whole", data)
    train(recipe(*words, "train.batch=4", "train.accumulate=2"), tmp_path / "halves", data)
    whole, halves = (rows_of(tmp_path / name) for name in ("whole", "halves"))
    assert len(whole[0]) == len(halves[0]) == 2
    psnr_db = [validations[0]["val_psnr_db"] for _, validations in (whole, halves)]
    assert psnr_db[0] == pytest.approx(psnr_db[1], rel=1e-3)


def test_mixed_precision_trains(recipe, data, tmp_path):
    """Without a word from the libraries, and near to what full precision gives."""
    train(recipe(), tmp_path / "full", data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(recipe("machine.precision=bf16-mixed"), tmp_path / "mixed", data)
    full, mixed = (rows_of(tmp_path / name)[0][0] for name in ("full", "mixed"))
    assert mixed["loss"] == pytest.approx(full["loss"], rel=0.02)
    assert mixed["loss"] != full["loss"]


def test_frozen_batch_norm_keeps_its_statistics(recipe, data, weights, tmp_path):
    train(recipe("train.epochs=1", "train.freeze_batch_norm=true"), tmp_path / "frozen", data)
    train(recipe("train.epochs=1"), tmp_path / "free", data)
    frozen, free = weights(tmp_path / "frozen"), weights(tmp_path / "free")
    name = "encoder.layers.1.running_mean"
    assert not frozen[name].any()
    assert free[name].any()


def test_a_frozen_part_stays_as_it_was_to_the_last_number(recipe, data, weights, tmp_path):
    train(recipe("train.epochs=1"), tmp_path / "before", data)
    words = ["train.epochs=1", f"train.start={tmp_path / 'before'}", "train.freeze=[encoder]"]
    train(recipe(*words), tmp_path / "after", data)
    before, after = weights(tmp_path / "before"), weights(tmp_path / "after")
    frozen = [name for name in before if name.startswith("encoder.")]
    assert any(name.endswith("running_mean") for name in frozen)
    assert all(torch.equal(after[name], before[name]) for name in frozen)
    assert not all(torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("log_steps", [1, 1000])
def test_a_diverging_run_is_told_and_never_saved(recipe, data, tmp_path, log_steps):
    words = ["train.learning_rate=1e12", f"train.log_steps={log_steps}", "train.epochs=3"]
    with pytest.raises(TrainingError, match=r"at step \d+: lower train.learning_rate") as caught:
        train(recipe(*words), tmp_path, data)
    assert "\n" not in str(caught.value)
    for folder in tmp_path.glob("checkpoint-*"):
        state = load_network(folder).network.state_dict()
        assert all(math.isfinite(float(value.double().sum())) for value in state.values())


def test_progress_is_told(recipe, data, tmp_path):
    told = []
    train(recipe("train.epochs=1"), tmp_path, data, lambda *what: told.append(what))
    assert [what[:3] for what in told if what[0] == "train"] == [
        (
            "train",
            step,
            4,
        )
        for step in range(1, 5)
    ]
    assert ("read training images", 16, 16, "") in told
    assert ("read validation images", 4, 4, "") in told
    assert told[-1][3].startswith("loss ")


def test_a_part_of_the_data_is_used_where_the_recipe_says_so(recipe, data, tmp_path):
    told = []
    words = ["data.train=8", "data.val=2", "train.epochs=1"]
    train(recipe(*words), tmp_path, data, lambda *what: told.append(what))
    assert ("read training images", 8, 8, "") in told
    assert ("read validation images", 2, 2, "") in told
    assert told[-1][1:3] == (2, 2)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train.batch=17"], "a batch of 17 needs as many images, and there are 16"),
        (["train.accumulate=5"], "an epoch has 4 batches, fewer than train.accumulate=5"),
        (["network.encoder=tinny"], "Did you mean 'tiny'"),
        (["network.tasks=[depth]"], "no head 'depth'"),
        (["network.weights=none.pth"], "there is no file of weights 'none.pth'"),
        (["train.arm=rate"], "counts bits at a fixed step of the quantizer: give network.step"),
        (["train.freeze=[encoder.nothing]"], "train.freeze names 'encoder.nothing', which is no"),
        (["train.start=nowhere"], "'nowhere' is no folder"),
        (["train.pictures=[gif]"], "there is no picture format 'gif'"),
        (["machine.accelerator=quantum"], "this machine cannot run the section machine"),
        (["machine.accelerator=gpu"], "this machine cannot run the section machine"),
        (["machine.devices=many"], "this machine cannot run the section machine"),
        (["machine.devices=0"], "this machine cannot run the section machine"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(recipe, data, tmp_path, words, message):
    if words == ["machine.accelerator=gpu"] and torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(InvalidInputError, match=message) as caught:
        train(recipe(*words), tmp_path, data)
    assert "\n" not in str(caught.value)


def test_no_validation_images_are_refused(recipe, data, scenes, tmp_path):
    with pytest.raises(InvalidInputError, match="no validation images"):
        train(recipe(), tmp_path, (data[0], scenes.Scenes(0)))


@pytest.mark.skipif(sys.platform == "win32", reason="no lock there")
def test_one_process_at_a_time_trains_in_a_folder(recipe, data, tmp_path):
    """Two would remove each other's checkpoints."""
    second = []

    def start_another(what, done, total, note):
        if what == "train" and done == 1:
            with pytest.raises(InvalidInputError, match="another process trains in"):
                train(recipe("train.seed=1"), tmp_path, data)
            second.append(done)

    assert train(recipe(), tmp_path, data, start_another)
    assert second == [1]
    assert train(recipe(), tmp_path, data)


def test_a_sigterm_ends_with_a_checkpoint_and_handlers_are_put_back(recipe, data, tmp_path):
    before = signal.getsignal(signal.SIGTERM)

    def terminate(what, done, total, note):
        if what == "train" and done == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    assert not train(recipe(), tmp_path, data, terminate)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-000000003"]
    assert signal.getsignal(signal.SIGTERM) == before
    assert train(recipe(), tmp_path, data)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-000000008"]


def test_a_sigterm_between_log_rows_is_heeded_too(recipe, data, tmp_path, monkeypatch):
    """A queue's manager waits seconds, and a step may take as long."""
    batches = HeldFeed.batches

    def interrupted(self, plan):
        for count, batch in enumerate(batches(self, plan)):
            if len(self) == 16 and count == 1:
                os.kill(os.getpid(), signal.SIGTERM)
            yield batch

    monkeypatch.setattr(HeldFeed, "batches", interrupted)
    assert not train(recipe("train.log_steps=1000"), tmp_path, data)
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-000000002"]
