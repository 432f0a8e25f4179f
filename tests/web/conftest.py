"""Features and what the library makes of them, for the page's modules to make the same."""

from __future__ import annotations

import base64
import json
import runpy
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cofeat.feature.bitstream import NO_TABLES
from cofeat.feature.codecs import load_codec, parse_codec
from cofeat.feature.entropy.fitted import FittedTables
from cofeat.feature.entropy.learned import LearnedTables, group_shapes
from cofeat.feature.pipeline import compress, decompress
from cofeat.feature.quantizer import integer_type, quantize
from cofeat.web.assets import assets

GOLDEN = Path(__file__).parents[1] / "golden"
MODEL_ID = bytes(range(1, 9))
# So few elements have nothing to refer to, and filters far from the middle of two integers.
FEW = 4000
# Python's zlib makes zlib's bytes, unless it was built with another one.
ZLIB_NG = "zlib-ng" in zlib.ZLIB_RUNTIME_VERSION
# Channels, groups, and what weights of the means are below.
LEARNED = [(1, 1, 1 << 8), (16, 8, 1 << 6), (11, 3, 1 << 15), (32, 5, 1 << 9)]
SETTING = 4  # of the codec `cofeat`, which is what the golden payloads have


def text(data):
    return base64.b64encode(data).decode("ascii")


def tabled_features(seed, shape):
    """Smooth channels, mixed, behind a ReLU; one channel is zero."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(4, shape[1] + 2, shape[2] + 2))
    smooth = sum(noise[:, y : y + shape[1], x : x + shape[2]] for y in range(3) for x in range(3))
    mixed = np.tensordot(rng.normal(size=(shape[0], 4)), smooth, 1)
    features = np.maximum(mixed, 0).astype(np.float32)
    features[shape[0] // 2] = 0
    return features


def learned_tables(seed, channels, groups, widest):
    """Weights of no model: means far from every level too, sums of more than 32 bits."""
    rng = np.random.default_rng(seed)
    hidden = 4

    def weights(shapes, width):
        return tuple(rng.integers(-width, width, shape).astype(np.int16) for shape in shapes)

    mean, *others = group_shapes(channels, groups, hidden)
    return LearnedTables(
        groups,
        rng.integers(-(1 << 20), 1 << 20, channels).astype(np.int32),
        rng.integers(0, 60 << 14, channels).astype(np.int32),
        rng.integers(-(1 << 18), 1 << 18, (2, groups, hidden)).astype(np.int32),
        weights(mean, widest),
        *(weights(shapes, min(widest, 1 << 7)) for shapes in others),
    )


def check_png(stream, expected):
    """Compare bytes; where Python has another zlib, all but what it deflated."""
    if not ZLIB_NG:
        assert stream == expected
        return
    page, ours = (decompress(each).stream.payload for each in (stream, expected))
    # 57 bytes of signature and chunks stand around the one IDAT.
    assert page[:33] == ours[:33]
    assert page[-12:] == ours[-12:]
    assert zlib.decompress(page[41:-16]) == zlib.decompress(ours[41:-16])


class Vectors:
    """What to feed (``arguments``), and what has to come out (``check``)."""

    def __init__(self):
        self.tables = {
            "made": FittedTables.from_bytes((GOLDEN / "tables" / "made.bin").read_bytes()),
            **{f"learned{seed}": learned_tables(seed, *of) for seed, of in enumerate(LEARNED)},
        }
        self.cases = []
        self.expected = []
        self._own()
        self._tabled()
        self._png()
        self._stepped()
        self._learned()

    def _add(self, features, codec, bits, per_channel, tables, expected, step=None):
        spec = parse_codec(codec)
        self.cases.append(
            {
                "features": text(np.ascontiguousarray(features).tobytes()),
                "shape": features.shape,
                "bits": bits,
                "perChannel": per_channel,
                "step": step,
                "name": codec,
                "codec": spec.codec.id,
                "setting": spec.setting,
                "tables": tables,
                "imageSize": (33, 65),
                "modelId": MODEL_ID.hex(),
                "tablesId": None if tables is None else self.tables[tables].id.hex(),
            }
        )
        self.expected.append((features, bits, per_channel, step, expected))

    def _own(self):
        """Without tables the encoder's choices rest on floats, which another machine may round
        otherwise: bytes are compared where choices are not, and sizes everywhere."""
        cases = runpy.run_path(str(GOLDEN / "test_cofeat_from_the_page.py"))["CASES"]
        codec = load_codec("cofeat")
        for name, (shape, bits) in cases.items():
            payload = (GOLDEN / "cofeat" / f"{name}.bin").read_bytes()
            features = codec.decode(payload, shape, bits, SETTING).astype(np.float32)
            if features.min() > 0 or features.max() < 2**bits - 1:
                continue  # another range would make other integers of them
            fresh = codec.encode(features.astype(integer_type(bits)), bits, SETTING)
            self._add(features, f"cofeat:{SETTING}", bits, False, None, fresh)

    def _compressed(self, features, codec, bits, per_channel, tables, step=None):
        """Add a case whose whole stream is compared."""
        fitted = self.tables[tables]
        stream = compress(features, codec, bits, per_channel, (33, 65), MODEL_ID, fitted, step)
        self._add(features, codec, bits, per_channel, tables, stream, step)

    def _tabled(self):
        channels = self.tables["made"].channels
        for seed, shape in enumerate([(1, 1), (9, 7), (16, 33)]):
            features = tabled_features(seed, (channels, *shape))
            for codec in ("cofeat:4", "cofeat-lossy:1", "cofeat-lossy:8", "cofeat-lossy:20"):
                for bits, per_channel in ((8, False), (5, True)):
                    self._compressed(features, codec, bits, per_channel, "made")
        for bits in (10, 16):
            self._compressed(features, "cofeat:4", bits, False, "made")

    def _png(self):
        """Every depth, of rows that deflate to one block and to several."""
        for seed, shape in ((7, (11, 6, 10)), (8, (32, 24, 48)), (9, (64, 32, 64))):
            features = tabled_features(seed, shape) - 1
            for bits in (1, 2, 3, 8, 11, 16):
                stream = compress(features, "png:9", bits, bits == 8, (33, 65), MODEL_ID)
                self._add(features, "png:9", bits, bits == 8, None, stream)

    def _stepped(self):
        """A fixed step, and one so small that much is clipped."""
        features = tabled_features(3, (self.tables["made"].channels, 12, 10)) - 1
        for step in (0.1, 1 / 300):
            for codec in ("cofeat:4", "cofeat-lossy:6"):
                self._compressed(features, codec, 8, False, "made", step)

    def _learned(self):
        """Every size of a step, planes of one element and planes that many lanes code."""
        for name in self.tables:
            if not name.startswith("learned"):
                continue
            channels = self.tables[name].channels
            for seed, size in enumerate([(1, 1), (5, 3), (8, 16), (40, 33)]):
                features = tabled_features(seed, (channels, *size)) - 1
                for setting in (0, 7, 12, 16, 19, 24, 32):
                    self._compressed(features, f"cofeat-learned:{setting}", 12, False, name, 0.0625)
            # Many at both ends of the range, and the range of each channel.
            self._compressed(features, "cofeat-learned:14", 12, False, name, 1 / 5000)
            self._compressed(features, "cofeat-learned:9", 7, True, name)

    def arguments(self, base):
        """Return what vectors.js takes."""
        found = assets().by_name
        return {
            "base": base,
            "engine": text(found["engine.wasm"].plain),
            "model": text(found["engine_model.bin"].plain),
            "constants": json.loads(found["constants.json"].plain),
            "tables": {name: text(tables.to_bytes()) for name, tables in self.tables.items()},
            "vectors": self.cases,
        }

    def check(self, made):
        """Compare with what the library makes, to the bit."""
        assert len(made) == len(self.expected) > 30
        for given, (features, bits, per_channel, step, expected), case in zip(
            made, self.expected, self.cases, strict=True
        ):
            stream = base64.b64decode(given["stream"])
            quantized = quantize(features, bits, per_channel, step)
            fitted = self.tables.get(case["tables"])
            decompressed = decompress(stream, tables=fitted)
            restored = np.frombuffer(base64.b64decode(given["restored"]), np.float32)
            if parse_codec(case["name"]).codec.lossless:
                np.testing.assert_array_equal(decompressed.quantized.values, quantized.values)
                np.testing.assert_array_equal(restored, decompressed.features.ravel())
            if case["name"].startswith("png"):
                check_png(stream, expected)
            elif case["tables"]:
                assert stream == expected, case
            else:
                payload = decompressed.stream.payload
                if features.size < FEW:
                    assert payload == expected, case
                assert abs(len(payload) - len(expected)) <= 0.01 * len(expected), case
                assert decompressed.stream.model_id == MODEL_ID
                assert decompressed.stream.tables_id == NO_TABLES


@pytest.fixture(scope="session")
def vectors():
    return Vectors()


@pytest.fixture(scope="session")
def tabled(exported, noise, tmp_path_factory):
    """A bundle of the small network with tables of its own, and its model for Python; ``learned``
    is another one, with a fixed step."""
    from cofeat.bundle import open_bundle
    from cofeat.export.write import Options, Source, export_bundle
    from cofeat.feature.entropy.fitting import fit_tables
    from cofeat.network.build import load_network
    from cofeat.runtime import RuntimeModel

    plain = RuntimeModel(open_bundle(exported.bundle).model(), threads=1)
    data = noise(8, 1)
    fitted = fit_tables(
        [quantize(plain.encode(data[index].image), plain.bits) for index in range(len(data))],
        generations=4,
    )
    network = replace(load_network(exported.checkpoint), tables=fitted)
    made = tmp_path_factory.mktemp("page")
    folder = made / "bundle"
    points = [
        {"codec": "cofeat", "bpp": 3.0, "miou": 0.3},
        {"codec": "cofeat-lossy:8", "bpp": 1.5, "miou": 0.29},
    ]
    source = Source("tabled", network, noise(4, 1), noise(4, 2), "noise", _points(points))
    stepped = Source("tabled-learned", _stepped(made, noise), noise(4, 1), noise(4, 2), "noise")
    options = Options(codec="cofeat-learned:18", accuracy_images=1, calibration_images=2)
    export_bundle(folder, [source, stepped], options)
    model, learned = (
        RuntimeModel(open_bundle(folder).model(name), threads=1)
        for name in ("tabled", "tabled-learned")
    )
    return SimpleNamespace(folder=folder, model=model, learned=learned)


def _stepped(folder, noise):
    """A network of a fixed step and its learned tables."""
    import torch

    from cofeat.network.build import build_network, load_network, save_network
    from cofeat.training.learned_tables import learn_tables

    # So fine that the small features of random weights reach levels at every setting.
    step = 2.0**-10
    config = {"encoder": "tiny", "bits": 12, "step": step}
    torch.manual_seed(1)
    checkpoint = folder / "stepped"
    checkpoint.mkdir()
    save_network(checkpoint, build_network(**config), config, {"model": "made", "arm": "rate"})
    network = load_network(checkpoint)
    data = noise(4, 3)
    with torch.no_grad():
        features = [
            network.network.encode(torch.from_numpy(data[index].image).movedim(2, 0)[None])[
                0
            ].numpy()
            for index in range(len(data))
        ]
    tensors = [quantize(each, 12, step=step) for each in features]
    return replace(network, tables=learn_tables(tensors, (16, 64), passes=2))


def _points(rows):
    from cofeat.bundle.manifest import RatePoint

    return tuple(
        RatePoint("features", "fp32", row["codec"], {k: v for k, v in row.items() if k != "codec"})
        for row in rows
    )
