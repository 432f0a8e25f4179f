"""A run gives a moving average of its weights: by hand, however it is cut, and what it is for."""

import pytest
import torch

from cofeat.training.log import read_log
from cofeat.training.loop import train

# One step an epoch, so that a run of n epochs ends with the weights of n steps.
STEPS = ["train.power=0", "data.train=4", "train.batch=4", "train.validate_epochs=1"]


def test_it_is_the_average_by_hand(recipe, data, weights, tmp_path):
    """a1 = w1, then a = 0.75 a + 0.25 w, of parameters as of batch norm's statistics."""
    for epochs in (1, 2, 3):
        train(recipe(*STEPS, f"train.epochs={epochs}"), tmp_path / str(epochs), data)
    one, two, three = (weights(tmp_path / name) for name in "123")
    train(recipe(*STEPS, "train.epochs=3", "train.average=0.75"), tmp_path / "average", data)
    changed = 0
    for name, value in weights(tmp_path / "average").items():
        if value.is_floating_point():
            expected = 0.75 * (0.75 * one[name] + 0.25 * two[name]) + 0.25 * three[name]
            torch.testing.assert_close(value, expected)
            changed += not torch.allclose(value, three[name])
    assert changed > 10


def test_it_is_what_is_validated(recipe, data, tmp_path):
    """So soon after the start that the average stands still while the weights go on."""
    words = [*STEPS, "train.epochs=3", "train.learning_rate=0.05"]
    measures = {}
    for average in ("0", "0.999999"):
        run = tmp_path / average
        train(recipe(*words, f"train.average={average}"), run, data)
        measures[average] = [
            float(row["val_psnr_db"]) for row in read_log(run / "log.csv") if row["val_psnr_db"]
        ]
    weights, averaged = measures["0"], measures["0.999999"]
    assert averaged[2] == pytest.approx(averaged[0], abs=1e-3)
    assert averaged[0] == pytest.approx(weights[0], abs=1e-3)
    assert abs(weights[2] - weights[0]) > 0.1


def test_a_run_in_slices_ends_with_the_same_average(recipe, data, weights, tmp_path):
    words = ["train.epochs=4", "train.validate_epochs=2", "train.average=0.9"]
    assert train(recipe(*words), tmp_path / "whole", data)
    sliced = tmp_path / "sliced"
    slices = 0
    while not train(recipe(*words, "machine.max_minutes=1e-9"), sliced, data):
        slices += 1
    assert slices > 4
    expected = weights(tmp_path / "whole")
    for name, value in weights(sliced).items():
        assert torch.equal(value, expected[name]), name
    measures = [
        [row["val_miou"] for row in read_log(run / "log.csv")]
        for run in (tmp_path / "whole", sliced)
    ]
    assert measures[0] == measures[1]
