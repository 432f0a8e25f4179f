"""Two processes take the step that one takes on the same global batch."""

import json

import pytest
import torch

from cofeat.training.log import read_log
from cofeat.training.loop import train

# Only the losses and what is made of them are float32, the rest is float64.
TOLERANCE = 1e-6


def worst(result, expected):
    """Largest difference of any tensor, relative to that tensor's length."""
    return max(
        float((result[name] - value).norm() / value.norm()) for name, value in expected.items()
    )


def test_gradients_of_two_processes_are_those_of_one(gradients, run_two, tmp_path):
    out = tmp_path / "gradients.pt"
    run_two("gradients.py", out)
    results = torch.load(out, weights_only=True)
    assert tuple(results) == gradients.RULES
    for rule, result in results.items():
        expected = gradients.gradients(rule)
        assert result.keys() == expected.keys()
        assert worst(result, expected) < TOLERANCE
        # In this case each process averaging for itself would be wrong.
        weights = {name: value for name, value in expected.items() if name.startswith("network")}
        naive = gradients.gradients(rule, parts=((0, 4), (4, 8)))
        assert worst(naive, weights) > 0.05


def test_training_on_two_processes_ends_as_on_one(
    recipe, recipe_file, data, run_two, weights, tmp_path
):
    """Batch norm frozen: each process would have the statistics of its own images."""
    words = ["train.freeze_batch_norm=true", "train.epochs=2", "train.accumulate=2"]
    outcomes = run_two("scenes.py", recipe_file, tmp_path / "two", *words, "machine.devices=2")
    assert [json.loads(out) for out, _ in outcomes] == [{"complete": True}] * 2
    assert [err for _, err in outcomes] == ["", ""]
    train(recipe(*words), tmp_path / "one", data)
    one, two = (read_log(tmp_path / name / "log.csv") for name in ("one", "two"))
    assert len(one) == len(two) == 6
    for ours, expected in zip(two, one, strict=True):
        assert ours.keys() == expected.keys()
        for name in expected.keys() - {"images_per_s", "feature_range"}:
            if expected[name]:
                assert float(ours[name]) == pytest.approx(float(expected[name]), rel=1e-3), name
    theirs = weights(tmp_path / "one")
    for name, value in weights(tmp_path / "two").items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-2, atol=1e-4)


def test_two_processes_start_with_the_bottleneck_of_one(
    recipe, recipe_file, data, run_two, weights, tmp_path
):
    words = [
        "train.arm=rate", "network.step=0.01", "network.bottleneck=narrow",
        "train.bottleneck_start=principal", "train.freeze_batch_norm=true",
        "train.epochs=1", "train.learning_rate=1e-30",
    ]  # fmt: skip
    run_two("scenes.py", recipe_file, tmp_path / "two", *words, "machine.devices=2")
    train(recipe(*words), tmp_path / "one", data)
    theirs = weights(tmp_path / "one")
    for name, value in weights(tmp_path / "two").items():
        torch.testing.assert_close(value, theirs[name], rtol=0, atol=1e-6)
