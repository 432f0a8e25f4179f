"""What the export of the shared bundle wrote, and what it refuses before it writes."""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
import pytest

from cofeat.bundle import open_bundle
from cofeat.errors import ExportError, InvalidInputError
from cofeat.export import write
from cofeat.export.write import Options, Source, export_bundle
from cofeat.feature.quantizer import dequantize, quantize
from cofeat.image import IMAGENET_MEAN, IMAGENET_STD
from cofeat.network.build import Model, build_network
from cofeat.tasks import load_task


@pytest.fixture
def entry(exported):
    return open_bundle(exported.bundle).model("tiny").entry


def test_the_manifest_tells_the_network(entry, loaded):
    network = loaded.network
    assert entry.model_id == loaded.model_id.hex()
    weights = loaded.folder / "weights.safetensors"
    assert entry.model_id == hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    assert (entry.encoder, entry.cut, entry.version) == ("tiny", "stride8", "1")
    assert (
        (entry.stride, entry.channels) == (network.stride, network.bottleneck.channels) == (8, 64)
    )
    assert (entry.bits, entry.per_channel, entry.codec) == (6, False, "zstd:1")
    assert entry.normalization.mean == IMAGENET_MEAN
    assert entry.normalization.std == IMAGENET_STD
    assert (entry.origin.recipe, entry.origin.arm, entry.origin.seed) == ("made", "baseline", None)
    told = {task.name: (task.dtype, task.shape) for task in entry.tasks}
    assert told == {
        "segmentation": ("uint8", ("N", "H", "W")),
        "disparity": ("float32", ("N", "H", "W")),
        "reconstruction": ("float32", ("N", "H", "W", "3")),
    }
    assert [task.classes and len(task.classes) for task in entry.tasks] == [19, None, None]


def test_the_graphs_are_open_in_images_and_sizes(exported, entry):
    for part, name, outputs in (
        ("encoder", "image", ["features"]),
        ("encoder_int8", "image", ["features"]),
        ("heads", "features", ["segmentation", "disparity", "reconstruction"]),
        ("whole", "image", ["segmentation", "disparity", "reconstruction"]),
    ):
        model = onnx.load_from_string(open_bundle(exported.bundle).model().read(part))
        onnx.checker.check_model(model, full_check=True)
        (given,) = model.graph.input
        assert given.name == name
        axes = [axis.dim_param or axis.dim_value for axis in given.type.tensor_type.shape.dim]
        assert axes[1] == (3 if name == "image" else entry.channels)
        assert all(isinstance(axes[axis], str) for axis in (0, 2, 3))
        assert [output.name for output in model.graph.output] == outputs


def test_the_graphs_tell_nothing_of_the_machine_that_made_them(exported, entry):
    bundle = open_bundle(exported.bundle)
    for part in entry.files:
        content = bundle.model().read(part)
        for trace in (b".py", b"site-packages", b"/src/", exported.checkpoint.encode()):
            assert trace not in content, part


def test_int8_weights_take_a_quarter(entry):
    assert entry.files["encoder_int8"].bytes < 0.35 * entry.files["encoder"].bytes


def test_parity_was_measured_for_every_output(entry):
    tasks = ("segmentation", "disparity", "reconstruction")
    names = {
        "encoder.features",
        *(f"{part}.{task}" for part in ("heads", "whole") for task in tasks),
    }
    assert set(entry.parity) == names
    assert all(0 <= distance <= 1e-4 for distance in entry.parity.values())


def test_accuracy_is_that_of_torch_through_the_quantizer(entry, loaded, noise):
    import torch

    samples = [noise(4, 2)[index] for index in range(4)]
    figures = {task.name: [] for task in entry.tasks}
    for sample in samples:
        with torch.no_grad():
            batch = torch.from_numpy(sample.image).permute(2, 0, 1)[None]
            features = loaded.network.encode(batch)[0].numpy()
            sent = torch.from_numpy(dequantize(quantize(features, 6)))[None]
            outputs = loaded.network.predict(sent, (30, 50))
        for task, output in outputs.items():
            figures[task].append(load_task(task).figures(output[0].numpy(), sample.truths[task]))
    assert (entry.accuracy.images, entry.accuracy.data, entry.accuracy.size) == (
        4,
        "noise",
        "50x30",
    )
    for name, rows in figures.items():
        task = load_task(name)
        expected = task.summarize(np.array(rows))
        assert entry.accuracy.fp32[task.measure] == pytest.approx(expected, rel=1e-2)
        assert entry.accuracy.int8[task.measure] == pytest.approx(expected, rel=0.2)


def test_a_graph_that_is_not_the_network_is_refused(loaded, noise, tmp_path, monkeypatch, exported):
    import torch

    whole = open_bundle(exported.bundle).model()
    monkeypatch.setattr(write, "export_graph", lambda network, part: whole.read(part))
    with torch.no_grad():  # the graphs are those of the weights before
        next(loaded.network.heads["disparity"].parameters()).mul_(1.5)
    source = Source("tiny", loaded, noise(2), noise(2), "noise")
    with pytest.raises(ExportError, match=r"exported heads.disparity is not torch's: .* at most"):
        export_bundle(tmp_path / "bundle", [source])
    assert list(tmp_path.iterdir()) == []


def test_only_the_parts_that_are_wanted(loaded, noise, tmp_path, monkeypatch, exported):
    made = open_bundle(exported.bundle).model()
    monkeypatch.setattr(write, "export_graph", lambda network, part: made.read(part))
    sources = [Source(name, loaded, noise(2), noise(2), "noise") for name in ("a", "b")]
    told = []
    export_bundle(
        tmp_path / "bundle",
        sources,
        Options(parts=("encoder",), accuracy_images=1),
        on_progress=lambda *what: told.append(what),
    )
    bundle = open_bundle(tmp_path / "bundle")
    assert bundle.names == ("a", "b")
    for name in bundle.names:
        entry = bundle.model(name).entry
        assert list(entry.files) == ["encoder"]
        assert entry.accuracy.int8 is None
        assert entry.accuracy.images == 1
    assert ("measuring b in fp32", 1, 1) in told


@pytest.mark.parametrize("options", [{"codec": "jpeg"}, {"point_codecs": ("png", "webp:75")}])
def test_a_codec_that_does_not_hold_the_bits_is_refused_before_any_work(
    noise, tmp_path, monkeypatch, options
):
    config = {"encoder": "tiny", "bits": 12}
    model = Model(build_network(**config), config, {}, bytes(8), tmp_path)
    monkeypatch.setattr(write, "export_graph", None)
    with pytest.raises(InvalidInputError, match="holds up to 8 bits, not 12"):
        export_bundle(
            tmp_path / "out", [Source("a", model, noise(1), noise(1), "n")], Options(**options)
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"parts": ()}, "there are no parts: use some of encoder"),
        ({"parts": ("head",)}, "no part 'head'"),
        ({"version": 0}, "version is 0"),
        ({"calibration_images": 0}, "calibration_images is 0"),
        ({"accuracy_images": -1}, "accuracy_images is -1"),
        ({"codec": "gif"}, "no codec 'gif'"),
        ({"threads": -3}, "-3 threads"),
    ],
)
def test_options_that_cannot_be(options, message):
    with pytest.raises(InvalidInputError, match=message):
        Options(**options)


def test_names_that_cannot_be(loaded, noise, tmp_path):
    data = (loaded, noise(1), noise(1), "noise")
    with pytest.raises(InvalidInputError, match="two models are called 'a'"):
        export_bundle(tmp_path / "bundle", [Source("a", *data), Source("a", *data)])
    with pytest.raises(InvalidInputError, match="no name of a model"):
        export_bundle(tmp_path / "bundle", [Source("A", *data)])
    assert list(tmp_path.iterdir()) == []
