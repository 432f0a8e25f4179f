"""A network written and read again; files that are no checkpoint."""

import hashlib
import json

import pytest
import torch
from safetensors.torch import load_file

from cofeat.errors import InvalidInputError
from cofeat.network.build import (
    DESCRIPTION_FILE,
    WEIGHTS_FILE,
    find_checkpoint,
    load_network,
    save_network,
)

CONFIG = {
    "encoder": "tiny", "cut": "stride16", "bottleneck": "conv1x1", "bottleneck_channels": 6,
    "bits": 5, "per_channel": True, "noise": 0.002, "tasks": ["disparity"], "activation": "none",
}  # fmt: skip


@pytest.fixture
def saved(network, tmp_path):
    """A checkpoint's folder and the network that is in it."""
    net = network(**CONFIG)
    folder = tmp_path / "checkpoint-000000012"
    folder.mkdir()
    save_network(folder, net, CONFIG, {"arm": "proposed"})
    return folder, net


def test_round_trip(saved, pictures):
    folder, net = saved
    model = load_network(folder)
    assert (model.config, model.about) == (CONFIG, {"arm": "proposed"})
    assert not model.network.training
    state = model.network.state_dict()
    assert state.keys() == net.state_dict().keys()
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    images = pictures(1, 3, 20, 24)
    with torch.no_grad():
        expected = net.eval()(images)[1]["disparity"]
        assert torch.equal(model.network(images)[1]["disparity"], expected)
    layer = model.network.qlayer
    assert (layer.bits, layer.per_channel, layer.noise) == (5, True, 0.002)


def test_memory_order_is_not_written(network, tmp_path):
    """The same weights are the same file, and so the same model id."""
    ids = []
    for name, form in (("a", torch.contiguous_format), ("b", torch.channels_last)):
        (tmp_path / name).mkdir()
        save_network(tmp_path / name, network().to(memory_format=form), {"encoder": "tiny"}, {})
        ids.append(load_network(tmp_path / name).model_id)
    assert ids[0] == ids[1]


def test_the_model_id_is_the_hash_of_the_weights(saved):
    folder, _ = saved
    digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).digest()
    assert load_network(folder).model_id == digest[:8]


def test_weights_are_plain_safetensors(saved):
    folder, net = saved
    assert load_file(folder / WEIGHTS_FILE).keys() == net.state_dict().keys()


def test_weights_that_training_began_with_may_be_gone(network, tmp_path):
    save_network(tmp_path, network(), {"encoder": "tiny", "weights": "gone.pth"}, {})
    assert load_network(tmp_path).config["weights"] == "gone.pth"


def test_a_runs_newest_checkpoint_is_found(saved):
    folder, _ = saved
    older = folder.parent / "checkpoint-000000008"
    older.mkdir()
    (folder.parent / ".checkpoint-000000020.tmp").mkdir()
    assert find_checkpoint(folder.parent) == folder
    assert load_network(folder.parent).folder == folder


@pytest.mark.parametrize("where", ["none", "empty"])
def test_no_checkpoint_is_refused(where, tmp_path):
    (tmp_path / "empty").mkdir()
    message = "is no folder" if where == "none" else "holds no checkpoint"
    with pytest.raises(InvalidInputError, match=message):
        load_network(tmp_path / where)


def edited(**changes):
    def edit(folder):
        path = folder / DESCRIPTION_FILE
        description = json.loads(path.read_text())
        description["config"] |= changes
        path.write_text(json.dumps(description))

    return edit


def cut_short(folder):
    path = folder / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:-100])


DAMAGES = {
    "no weights": lambda folder: (folder / WEIGHTS_FILE).unlink(),
    "weights cut short": cut_short,
    "weights of nothing": lambda folder: (folder / WEIGHTS_FILE).write_bytes(b""),
    "weights are noise": lambda folder: (folder / WEIGHTS_FILE).write_bytes(bytes(range(256))),
    "no JSON": lambda folder: (folder / DESCRIPTION_FILE).write_text("{"),
    "a list": lambda folder: (folder / DESCRIPTION_FILE).write_text("[]"),
    "no text": lambda folder: (folder / DESCRIPTION_FILE).write_bytes(b"\xff\xfe\x00"),
    "nothing in it": lambda folder: (folder / DESCRIPTION_FILE).write_text("{}"),
    "no table": lambda folder: (folder / DESCRIPTION_FILE).write_text('{"config": 1, "about": 2}'),
    "unknown encoder": edited(encoder="resnet99"),
    "unknown argument": edited(colour="red"),
    "wrong type": edited(bottleneck_channels="many"),
    "another network": edited(cut="stride8"),
    "bits out of range": edited(bits=99),
    "step out of range": edited(step=-1.0),
    "more than memory": edited(bottleneck_channels=10**12),
}


@pytest.mark.parametrize("damage", list(DAMAGES))
def test_damaged_checkpoints_are_refused_in_one_line(saved, damage):
    folder, _ = saved
    DAMAGES[damage](folder)
    with pytest.raises(InvalidInputError) as caught:
        load_network(folder)
    assert "\n" not in str(caught.value)
