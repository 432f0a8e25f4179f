"""The arm ``rate`` end to end, and what a run starts with or leaves as it was."""

import numpy as np
import pytest
import torch

from cofeat.errors import InvalidInputError
from cofeat.network.build import build_network, find_checkpoint, load_network
from cofeat.training.checkpoint import TRAINING_FILE
from cofeat.training.log import read_log
from cofeat.training.loop import train
from cofeat.training.start import load_start

RATE = [
    "train.arm=rate", "network.step=0.01", "network.bottleneck=narrow",
    "network.bottleneck_channels=3", "train.coarse=[1,4]", "loss.rate.pressure=3",
    "network.light_heads=true", "network.tasks=[disparity,reconstruction]",
    "train.pictures=[none,'jpeg:40']", "loss.tasks.disparity.rule=log",
]  # fmt: skip
LONG = [*RATE, "train.epochs=10", "train.validate_epochs=10", "train.learning_rate=3e-3"]
# No weight moves by so little.
STILL = ["train.epochs=1", "train.learning_rate=1e-30"]


@pytest.fixture(scope="module")
def whole(recipe_file, data, tmp_path_factory):
    """A run of the arm that nothing interrupted."""
    from cofeat.training.recipe import load_recipe

    run = tmp_path_factory.mktemp("rate")
    assert train(load_recipe(recipe_file, LONG), run, data)
    return run


def rows_of(run):
    rows = read_log(run / "log.csv")
    return [{name: value for name, value in row.items() if name != "images_per_s"} for row in rows]


def entropy_model_of(run):
    path = find_checkpoint(run) / TRAINING_FILE
    return torch.load(path, weights_only=True)["entropy_model"]


def test_the_rate_goes_down(whole):
    rates = [float(row["loss_rate"]) for row in rows_of(whole) if row["loss_rate"]]
    assert len(rates) == 40
    assert sum(rates[-4:]) < 0.5 * sum(rates[:4])
    assert entropy_model_of(whole)["mean.weight"].any()


def test_a_run_in_slices_ends_with_the_same_weights_and_the_same_model_of_the_rate(
    whole, recipe, data, weights, tmp_path
):
    for _ in range(6):
        assert not train(recipe(*LONG, "machine.max_minutes=1e-9"), tmp_path, data)
    assert train(recipe(*LONG), tmp_path, data)
    for ours, theirs in (
        (weights(tmp_path), weights(whole)),
        (entropy_model_of(tmp_path), entropy_model_of(whole)),
    ):
        assert ours.keys() == theirs.keys()
        for name, value in ours.items():
            assert torch.equal(value, theirs[name]), name
    assert rows_of(tmp_path) == rows_of(whole)


@pytest.mark.parametrize("part", ["encoder.layers.4", "encoder", "heads.disparity"])
def test_frozen_parts_keep_their_weights_and_others_do_not(recipe, data, weights, tmp_path, part):
    words = [*RATE, "train.epochs=1", f"train.freeze=[{part}]", "train.freeze_batch_norm=true"]
    made = recipe(*words)
    assert train(made, tmp_path, data)
    torch.manual_seed(made.train.seed)
    before = build_network(**made.network.model_dump())
    trained, parameters = weights(tmp_path), dict(before.named_parameters())
    for name, value in before.state_dict().items():
        kept = name.startswith(f"{part}.") or name not in parameters
        assert torch.equal(trained[name], value) == kept, name


def test_a_run_starts_with_given_weights(whole, recipe, data, weights, tmp_path):
    words = [*RATE, *STILL, "train.freeze_batch_norm=true", f"train.start={whole}", "train.seed=7"]
    assert train(recipe(*words), tmp_path, data)
    for name, value in weights(tmp_path).items():
        assert torch.equal(value, weights(whole)[name]), name


def test_a_start_gives_what_both_have_and_leaves_the_rest(whole):
    torch.manual_seed(3)
    network = build_network("tiny", tasks=["segmentation", "disparity"])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    given = load_network(whole).network.state_dict()
    load_start(network, str(whole))
    copied = set()
    for name, value in network.state_dict().items():
        if name in given and given[name].shape == value.shape:
            copied.add(name)
            assert torch.equal(value, given[name])
        else:
            assert torch.equal(value, before[name])
    # The encoder is the same; the start's heads are light and end otherwise; segmentation is new.
    assert {name for name in before if name.startswith("encoder.")} <= copied
    assert "heads.disparity.layers.0.weight" in copied
    assert "heads.disparity.layers.9.weight" not in copied
    assert not any(name.startswith("heads.segmentation.") for name in copied)


def test_a_start_with_nothing_in_common_is_refused(whole):
    with pytest.raises(InvalidInputError, match="has no tensor in common"):
        load_start(torch.nn.Linear(2, 3), str(whole))


def test_a_principal_start_is_hardly_noticed(recipe, data, tmp_path):
    """With as many channels as the encoder has, what comes back is what it gave."""
    words = [*RATE, *STILL, "train.freeze_batch_norm=true", "train.bottleneck_start=principal",
             "network.bottleneck_channels=64"]  # fmt: skip
    assert train(recipe(*words), tmp_path, data)
    network = load_network(tmp_path).network
    images = torch.from_numpy(data[0][0].image.copy()).permute(2, 0, 1)[None]
    with torch.no_grad():
        given = network.encoder_features(images)
        returned = network.bottleneck.up(network.bottleneck.down(given))
    torch.testing.assert_close(returned, given, atol=1e-3, rtol=1e-3)
    spread = torch.exp2(entropy_model_of(tmp_path)["octaves"])
    assert spread[0] > 2 * spread[-1] > 0


def test_the_entropy_model_begins_with_the_spread_of_each_channel(recipe, data, tmp_path):
    """A logistic variable of scale s has the standard deviation s pi / sqrt(3)."""
    words = [*RATE, *STILL, "train.freeze_batch_norm=true", "train.pictures=[]"]
    assert train(recipe(*words), tmp_path, data)
    network = load_network(tmp_path).network
    images = np.stack([data[0][index].image for index in range(len(data[0]))]).transpose(0, 3, 1, 2)
    with torch.no_grad():
        features = network.encode(torch.from_numpy(images)).numpy()
    spread = np.maximum(features.std((0, 2, 3), ddof=1) * np.sqrt(3) / np.pi, 0.01)
    told = 0.01 * torch.exp2(entropy_model_of(tmp_path)["octaves"])
    np.testing.assert_allclose(told, spread, rtol=1e-3)


def test_the_entropy_model_has_its_own_pace(recipe, data, weights, tmp_path):
    words = [*RATE, *STILL, "train.freeze_batch_norm=true"]
    for name, more in (("still", []), ("ahead", ["train.entropy_learning_rate=1e-2"])):
        assert train(recipe(*words, *more), tmp_path / name, data)
    still, ahead = weights(tmp_path / "still"), weights(tmp_path / "ahead")
    for name, value in still.items():
        torch.testing.assert_close(ahead[name], value, rtol=0, atol=1e-20)
    assert not entropy_model_of(tmp_path / "still")["mean.weight"].abs().max() > 1e-20
    assert entropy_model_of(tmp_path / "ahead")["mean.weight"].abs().max() > 1e-3
