"""The run time against torch, on the same network."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from cofeat.bundle import open_bundle
from cofeat.cli.models import CheckpointModel, open_model
from cofeat.errors import InvalidInputError
from cofeat.network.build import load_network
from cofeat.runtime import RuntimeModel


@pytest.fixture(scope="module")
def network(exported):
    return load_network(exported.checkpoint).network


@pytest.fixture
def model(exported):
    return RuntimeModel(open_bundle(exported.bundle).model(), threads=1)


def image(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


# Multiples of the stride 8, and sides that are none, down to a single pixel.
SIZES = [(32, 64), (30, 50), (1, 1), (8, 9), (33, 16)]


@pytest.mark.parametrize("size", SIZES)
def test_both_halves_are_torch_s(model, network, size):
    picture = image(*size)
    with torch.no_grad():
        expected = network.encode(torch.from_numpy(picture).permute(2, 0, 1)[None])
        outputs = network.predict(expected, size)
    features = model.encode(picture)
    assert features.dtype == np.float32
    assert features.shape == model.feature_shape(size) == network.feature_shape(size)
    np.testing.assert_allclose(features, expected[0].numpy(), atol=1e-5)

    predicted = model.predict(expected[0].numpy(), size)
    whole = model.predict_images(picture[None])
    assert list(predicted) == list(whole) == list(outputs)
    for task, output in outputs.items():
        wanted = output[0].numpy()
        for got in (predicted[task], whole[task][0]):
            assert got.dtype == wanted.dtype
            assert got.shape == wanted.shape
            if task == "segmentation":
                assert np.mean(got != wanted) < 0.01
            else:
                np.testing.assert_allclose(got, wanted, atol=1e-3)


def test_batches_are_their_images(model):
    pictures = np.stack([image(30, 50, seed) for seed in range(3)])
    features = model.encode_batch(pictures)
    outputs = model.predict_batch(features)
    for index, picture in enumerate(pictures):
        np.testing.assert_allclose(features[index], model.encode(picture), atol=1e-5)
        alone = model.predict(features[index], (32, 56))
        for task, output in outputs.items():
            np.testing.assert_allclose(
                output[index].astype(float), alone[task].astype(float), atol=1e-3
            )


def test_int8_is_near_fp32_and_not_the_same(exported, model):
    int8 = RuntimeModel(open_bundle(exported.bundle).model("tiny"), "int8", threads=1)
    exact, near = model.encode(image(64, 64)), int8.encode(image(64, 64))
    error = np.sqrt(np.mean((near - exact) ** 2))
    assert 0 < error < 0.1 * exact.std()
    assert int8.model_id == model.model_id


def test_only_the_tasks_that_are_asked_for(model):
    features = model.encode(image(16, 16))
    everything = model.predict(features, (16, 16))
    some = model.predict(features, (16, 16), ["reconstruction", "disparity"])
    assert set(some) == {"reconstruction", "disparity"}
    for task, output in some.items():
        np.testing.assert_allclose(output, everything[task], atol=1e-5)
    with pytest.raises(InvalidInputError, match=r"no task 'disparty'.*Did you mean 'disparity'"):
        model.predict(features, (16, 16), ["disparty"])


def test_graphs_are_loaded_when_they_are_needed(model, monkeypatch):
    read = []
    original = type(model._model).read
    monkeypatch.setattr(
        type(model._model), "read", lambda self, part: read.append(part) or original(self, part)
    )
    model.encode(image(8, 8))
    model.encode(image(8, 8))
    assert read == ["encoder"]
    model.load("heads")
    assert read == ["encoder", "heads"]
    model.predict(np.zeros((64, 1, 1), np.float32), (8, 8))
    assert read == ["encoder", "heads"]


def test_threads_share_a_model(exported):
    model = RuntimeModel(open_bundle(exported.bundle).model(), threads=1)
    pictures = [image(16, 24, seed) for seed in range(8)]
    expected = [RuntimeModel(open_bundle(exported.bundle).model()).encode(p) for p in pictures[:2]]
    results = [None] * len(pictures)

    def work(index):
        results[index] = model.encode(pictures[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(pictures))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for got, wanted in zip(results, expected, strict=False):
        np.testing.assert_allclose(got, wanted, atol=1e-5)
    for index, picture in enumerate(pictures):
        np.testing.assert_array_equal(results[index], model.encode(picture))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.encode(np.zeros((8, 8, 3))), "give uint8"),
        (lambda m: m.encode(np.zeros((8, 8), np.uint8)), "give uint8"),
        (lambda m: m.encode(np.zeros((0, 8, 3), np.uint8)), "not empty"),
        (lambda m: m.predict(np.zeros((64, 2, 2), np.float32), (8, 8)), r"are \(64, 1, 1\)"),
        (lambda m: m.predict_batch(np.zeros((1, 63, 1, 1), np.float32)), "takes float32"),
        (lambda m: m.predict_batch(np.zeros((1, 64, 1, 1))), "takes float32"),
        (lambda m: m.predict_batch(np.zeros((0, 64, 1, 1), np.float32)), "are none"),
    ],
)
def test_a_caller_s_mistakes(model, call, message):
    with pytest.raises(InvalidInputError, match=message):
        call(model)


def test_arguments_that_cannot_be(exported):
    model = open_bundle(exported.bundle).model()
    with pytest.raises(InvalidInputError, match="use fp32 or int8"):
        RuntimeModel(model, "fp16")
    with pytest.raises(InvalidInputError, match="has no 'QuantumExecutionProvider': it has"):
        RuntimeModel(model, providers=("QuantumExecutionProvider",))
    with pytest.raises(InvalidInputError, match="0 threads"):
        RuntimeModel(model, threads=0)


def test_what_a_model_says_of_itself(exported, model):
    checkpoint = open_model(exported.checkpoint)
    assert isinstance(checkpoint, CheckpointModel)
    for name in ("model_id", "bits", "per_channel", "stride"):
        assert getattr(model, name) == getattr(checkpoint, name)
    assert (model.name, model.version, model.tables_id) == ("tiny", "1", None)
    assert model.fitted is None
    assert model.tasks == ("segmentation", "disparity", "reconstruction")
    assert isinstance(open_model(exported.bundle), RuntimeModel)
    assert isinstance(open_model(f"{exported.bundle}:tiny"), RuntimeModel)


def test_a_device_has_no_torch(exported):
    code = (
        "import json, sys\n"
        "import numpy as np\n"
        "from cofeat.cli.models import open_model\n"
        "model = open_model(sys.argv[1])\n"
        "features = model.encode(np.full((30, 50, 3), 100, np.uint8))\n"
        "model.predict(features, (30, 50))\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, exported.bundle], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "lightning", "safetensors", "onnx", "onnxscript", "pydantic"}
