from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from cofeat.errors import InvalidInputError, MissingPackageError
from cofeat.evaluation import codec_bench, codec_plot
from cofeat.evaluation.codec_bench import bench_codecs, default_specs, load_features
from cofeat.evaluation.codec_plot import save_codec_plot
from cofeat.feature.codecs import CODECS, CodecSpec, load_codec, parse_codec
from cofeat.feature.entropy.fitting import fit_tables
from cofeat.feature.pipeline import compress_quantized
from cofeat.feature.quantizer import quantize

OVERHEAD_BYTES = 46


class Clock:
    """Seconds that pass only when a codec says so."""

    def __init__(self):
        self.now_s = 0.0

    def perf_counter(self):
        return self.now_s


@dataclass(eq=False)
class Slow:
    """Writes the integers one byte each plus ``shift``, and takes a set time."""

    clock: Clock
    log: list
    name: str
    id: int
    encode_ms: list[float]
    shift: int = 0
    missing: bool = False
    decode_ms: float = 5.0
    extra: str | None = "codecs"
    min_setting: int = 0
    max_setting: int = 0
    default_setting: int = 0
    max_bits: int = 8
    calls: int = field(default=0)

    @property
    def lossless(self):
        return self.shift == 0

    def encode(self, values, bits, setting):
        if self.missing:
            raise MissingPackageError("thing", "codecs", "this codec")
        self.clock.now_s += self.encode_ms[self.calls % len(self.encode_ms)] / 1000
        self.calls += 1
        self.log.append(self.name)
        return (values + np.uint8(self.shift)).tobytes()

    def decode(self, payload, shape, bits, setting):
        self.clock.now_s += self.decode_ms / 1000
        return np.frombuffer(payload, np.uint8).reshape(shape)


@pytest.fixture
def made(monkeypatch):
    """Called with the arguments of codecs, returns their specs and the order of their work."""
    clock, log = Clock(), []
    monkeypatch.setattr(codec_bench, "time", clock)

    def make(*arguments):
        codecs = [
            Slow(clock, log, name=f"made{k}", id=200 + k, **given)
            for k, given in enumerate(arguments)
        ]
        table = {codec.id: codec for codec in codecs}
        monkeypatch.setattr("cofeat.feature.pipeline.codecs_by_id", lambda: table)
        return [CodecSpec(codec, 0) for codec in codecs], log

    return make


def tensors(count=2, shape=(3, 4, 5), bits=6):
    rng = np.random.default_rng(0)
    return [quantize(rng.normal(size=shape).astype(np.float32), bits) for _ in range(count)]


def test_figures_by_hand(made):
    # The first encoding is the trial that is not measured.
    specs, _ = made({"encode_ms": [99, 1, 9, 2, 3, 50, 4]}, {"encode_ms": [7], "shift": 2})
    bench = bench_codecs(tensors(), specs, repeat=3)
    exact, shifted = bench.results
    assert (bench.tensors, bench.elements, bench.bits, bench.repeat) == (2, 120, 6, 3)
    assert exact.codec == "made0"
    assert exact.lossless
    assert exact.bytes == 2 * (60 + OVERHEAD_BYTES)
    assert exact.bits_per_element == pytest.approx(8 * 212 / 120)
    assert exact.encode_ms == pytest.approx(3.5)  # the median of 1 9 2 3 50 4
    assert exact.decode_ms == pytest.approx(5)
    assert (exact.max_error_steps, exact.psnr_db) == (0, None)
    assert not shifted.lossless
    assert shifted.max_error_steps == 2
    assert shifted.psnr_db == pytest.approx(20 * math.log10(63 / 2))
    assert shifted.encode_ms == pytest.approx(7)


def test_codecs_take_turns(made):
    specs, log = made({"encode_ms": [1]}, {"encode_ms": [1]})
    told = []
    bench_codecs(tensors(), specs, repeat=2, on_progress=lambda *steps: told.append(steps))
    trial, measured = log[:2], log[2:]
    assert trial == ["made0", "made1"]
    assert measured == ["made0", "made1"] * 4
    assert told == [(done, 8) for done in range(1, 9)]


def test_codec_that_is_not_installed_is_told_of_once(made):
    specs, _ = made({"encode_ms": [1]}, {"encode_ms": [1], "missing": True})
    bench = bench_codecs(tensors(), [*specs, CodecSpec(specs[1].codec, 1)])
    assert [result.codec for result in bench.results] == ["made0"]
    (skipped,) = bench.skipped
    assert (skipped.codec, skipped.extra) == ("made1", "codecs")
    assert "pip install 'cofeat[codecs]'" in skipped.reason


def test_codec_that_cannot_hold_the_bits_is_told_of():
    bench = bench_codecs(tensors(bits=12), [parse_codec("png"), parse_codec("jpeg:90")], 1)
    assert [result.codec for result in bench.results] == ["png"]
    (skipped,) = bench.skipped
    assert skipped.extra is None
    assert "'jpeg' holds up to 8 bits, not 12" in skipped.reason


def test_every_codec_of_the_table():
    specs = default_specs()
    assert {spec.codec.name for spec in specs} == set(CODECS.names())
    for codec in map(load_codec, CODECS.names()):
        settings = [spec.setting for spec in specs if spec.codec is codec]
        assert codec.default_setting in settings
        assert len(set(settings)) == len(settings) <= (1 if codec.lossless else 4)
        # The best first; of what loses, none in the worse half but a default.
        from_best = [abs(setting - codec.best_setting) for setting in settings]
        assert from_best == sorted(from_best)
        from_best.remove(abs(codec.default_setting - codec.best_setting))
        half = (codec.max_setting - codec.min_setting + 1) / 2
        assert codec.lossless or from_best[-1] <= half
    held = tensors()
    bench = bench_codecs(held, specs, repeat=1)
    assert len(bench.results) + len(bench.skipped) >= len(CODECS.names())
    assert all(skipped.extra for skipped in bench.skipped)
    for result in bench.results:
        sizes = [len(compress_quantized(quantized, result.codec)) for quantized in held]
        assert result.bytes == sum(sizes)
        if result.lossless:
            assert result.max_error_steps == 0
    lossless = [result.bits_per_element for result in bench.results if result.lossless]
    assert lossless == sorted(lossless)


def test_tables_are_measured_with_the_codecs_that_take_them():
    made = tensors(shape=(3, 8, 8))
    specs = [parse_codec(text) for text in ("png", "cofeat", "cofeat-lossy:4", "cofeat-learned")]
    bench = bench_codecs(made, specs, 1, tables=fit_tables(made, generations=1))
    names = {result.codec for result in bench.results}
    assert {name for name in names if "tables" in name} == {
        "cofeat + tables", "cofeat-lossy:4 + tables",
    }  # fmt: skip
    kinds = {codec_plot._family(result) for result in bench.results}
    assert {"cofeat-lossy", "cofeat-lossy + tables"} <= kinds


@pytest.mark.parametrize(("count", "repeat"), [(0, 1), (1, 0)])
def test_nothing_to_measure_is_refused(count, repeat):
    with pytest.raises(InvalidInputError, match="give at least one each"):
        bench_codecs(tensors(count), [parse_codec("png")], repeat)


def test_features_of_eval_and_of_decompress(tmp_path):
    features = np.arange(48, dtype=np.float32).reshape(2, 2, 3, 4)
    np.savez_compressed(tmp_path / "many.npz", features=features, names=np.array(["a", "b"]))
    np.savez(tmp_path / "one.npz", features=features[1], bits=8)
    many, one = load_features(tmp_path / "many.npz"), load_features(tmp_path / "one.npz")
    assert len(many) == 2
    assert len(one) == 1
    np.testing.assert_array_equal(many[1], one[0])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no archive",
        b"PK\x03\x04 cut off",
        {"others": np.zeros(3)},
        {"features": np.zeros((1, 2, 3))},
        {"features": np.zeros((0, 1, 2, 3), np.float32)},
        {"features": np.zeros(5, np.float32)},
        {"features": np.array([{}], dtype=object)},
    ],
)
def test_files_without_features_are_refused(tmp_path, content):
    path = tmp_path / "x.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, **content)
    with pytest.raises(InvalidInputError, match=r"x\.npz'"):
        load_features(path)


@pytest.mark.parametrize("ending", [".svg", ".png", ".pdf"])
def test_plot_in_each_format(tmp_path, ending):
    bench = bench_codecs(tensors(), [parse_codec("png"), parse_codec("jpeg:90")], 1)
    path = tmp_path / f"plot{ending}"
    save_codec_plot([("one $file", bench), ("another", bench)], path)
    starts = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    assert path.read_bytes().startswith(starts[ending])
    with pytest.raises(InvalidInputError, match=r"end its name with \.svg, \.png, \.pdf"):
        save_codec_plot([("one", bench)], tmp_path / "plot.gif")
