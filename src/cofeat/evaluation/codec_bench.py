"""All codecs on given features: bits, time and error; no torch.

Measured is the way from integers to the whole stream and back
(``compress_quantized``, ``decompress_quantized``): quantization is the same for
all codecs and is left out. In every round each tensor goes through all codecs
one after another, so that a machine that slows down slows them alike.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cofeat.errors import InvalidInputError, MissingPackageError
from cofeat.feature.codecs import CODECS, CodecSpec, load_codec
from cofeat.feature.codecs.base import Codec, TabledCodec
from cofeat.feature.pipeline import compress_quantized, decompress_quantized
from cofeat.feature.quantizer import Float32Array, Quantized
from cofeat.feature.tables import Tables

# Where a lossy codec is measured besides its default: so far from its worst setting to its best.
LOSSY_SHARES = (0.5, 0.75, 0.9)

# (encodings done, in all).
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class CodecResult:
    """What one codec at one setting gave, over all tensors.

    Args:
        codec: such as ``"jpeg:90"``.
        lossless: whether the codec promises the integers back.
        bytes: of all streams, headers too.
        bits_per_element: 8 * bytes / elements.
        encode_ms: median over all tensors and rounds.
        decode_ms: likewise.
        max_error_steps: largest distance of an integer from its original.
        psnr_db: 20 log10((2^n - 1) / RMSE) of the integers, None where nothing was lost.
    """

    codec: str
    lossless: bool
    bytes: int
    bits_per_element: float
    encode_ms: float
    decode_ms: float
    max_error_steps: int
    psnr_db: float | None


@dataclass(frozen=True)
class SkippedCodec:
    """A codec that could not be measured here.

    Args:
        codec: its name.
        reason: why, and what to do.
        extra: the pip extra that brings it, None where that would not help.
    """

    codec: str
    reason: str
    extra: str | None


@dataclass(frozen=True)
class Bench:
    """All codecs on the same tensors."""

    tensors: int
    elements: int
    bits: int
    repeat: int
    results: tuple[CodecResult, ...]
    """Lossless ones first, the smallest first; lossy ones in the order given."""
    skipped: tuple[SkippedCodec, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


class _Tally:
    """What was measured of one codec so far."""

    def __init__(self) -> None:
        self.sizes_bytes: list[int] = []
        self.encode_ms: list[float] = []
        self.decode_ms: list[float] = []
        self.max_error = 0
        self.squared_error = 0.0


def default_specs() -> tuple[CodecSpec, ...]:
    """Return every codec of the table: lossless at its default, lossy at a few settings."""
    specs: list[CodecSpec] = []
    for codec in (load_codec(name) for name in CODECS.names()):
        best = codec.best_setting
        worst = codec.min_setting + codec.max_setting - best
        settings = {codec.default_setting}
        if not codec.lossless:
            settings |= {worst + round(share * (best - worst)) for share in LOSSY_SHARES}
        from_best = sorted(settings, key=lambda setting: abs(setting - best))
        specs += [CodecSpec(codec, setting) for setting in from_best]
    return tuple(specs)


def load_features(path: Path) -> list[Float32Array]:
    """Read feature tensors as ``cofeat eval --save-features`` or ``cofeat decompress`` write them.

    Returns:
        float32 (C, H, W), one or more.

    Raises:
        InvalidInputError: the file holds no such features.
    """
    try:
        # Opened here, since np.load leaves a file open that proves to be no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            features = arrays["features"]
    except OSError:
        raise  # the caller names the file
    except Exception as error:  # damaged files make zipfile and numpy raise nearly anything
        raise InvalidInputError(f"'{path}' is no .npz with 'features': {error}") from error
    if features.dtype != np.float32 or features.ndim not in (3, 4) or not features.size:
        raise InvalidInputError(
            f"'{path}' holds features of {features.dtype} {features.shape}: "
            "give float32 (N, C, H, W) or (C, H, W), not empty"
        )
    return list(features) if features.ndim == 4 else [features]


def bench_codecs(
    tensors: Sequence[Quantized],
    specs: Sequence[CodecSpec],
    repeat: int = 3,
    on_progress: OnProgress | None = None,
    tables: Tables | None = None,
) -> Bench:
    """Measure codecs on the same tensors.

    Args:
        tensors: one or more, of the same number of bits.
        specs: codecs and settings; those that cannot be used here are told of, not measured.
        repeat: rounds over all tensors and codecs.
        on_progress: told how far it has come.
        tables: fitted to the tensors' model; codecs that take them are measured with them too.

    Raises:
        InvalidInputError: there is no tensor, or fewer than one round.
    """
    if not tensors or repeat < 1:
        raise InvalidInputError(f"{len(tensors)} tensors, {repeat} rounds: give at least one each")
    ways = [_Way(spec, None) for spec in dict.fromkeys(specs)]
    if tables is not None:
        ways += [_Way(way.spec, tables) for way in ways if _takes(way.spec.codec, tables)]
    usable, skipped = _usable(tensors, ways)
    tallies = {way: _Tally() for way in usable}
    total = repeat * len(tensors) * len(usable)
    turns = enumerate(_interleaved(tensors, usable, repeat), start=1)
    for done, (index, way, quantized) in turns:
        _measure(tallies[way], quantized, way, is_first=index == 0)
        if on_progress:
            on_progress(done, total)
    elements = sum(quantized.values.size for quantized in tensors)
    bits = tensors[0].bits
    results = [_result(way, tally, elements, bits) for way, tally in tallies.items()]
    results.sort(key=lambda result: result.bits_per_element if result.lossless else math.inf)
    return Bench(len(tensors), elements, bits, repeat, tuple(results), tuple(skipped))


def _takes(codec: Codec, tables: Tables) -> bool:
    """Whether a codec codes with tables of that kind."""
    return isinstance(codec, TabledCodec) and isinstance(tables, codec.tables_type)


class _Way(NamedTuple):
    """A codec at a setting, with tables or without."""

    spec: CodecSpec
    tables: Tables | None

    def there_and_back(self, quantized: Quantized) -> tuple[bytes, Quantized, float]:
        """Send a tensor; returns the stream, what arrives, and when the stream was there (s)."""
        data = compress_quantized(quantized, self.spec, tables=self.tables)
        middle_s = time.perf_counter()
        return data, decompress_quantized(data, tables=self.tables)[0], middle_s

    def __str__(self) -> str:
        return f"{self.spec}{' + tables' if self.tables else ''}"


def _usable(
    tensors: Sequence[Quantized], ways: Sequence[_Way]
) -> tuple[list[_Way], list[SkippedCodec]]:
    """Try every codec once on the largest tensor, which also warms it up."""
    largest = max(tensors, key=lambda quantized: quantized.values.size)
    usable: list[_Way] = []
    skipped: list[SkippedCodec] = []
    for way in ways:
        codec = way.spec.codec
        try:
            way.there_and_back(largest)
        except MissingPackageError as error:
            skipped.append(SkippedCodec(codec.name, str(error), codec.extra))
        except InvalidInputError as error:  # too deep or too large for it
            skipped.append(SkippedCodec(codec.name, str(error), None))
        else:
            usable.append(way)
    return usable, list(dict.fromkeys(skipped))


def _interleaved(
    tensors: Sequence[Quantized], ways: Sequence[_Way], repeat: int
) -> Iterator[tuple[int, _Way, Quantized]]:
    """Yield (round, codec, tensor), the codecs innermost."""
    for index in range(repeat):
        for quantized in tensors:
            for way in ways:
                yield index, way, quantized


def _measure(tally: _Tally, quantized: Quantized, way: _Way, is_first: bool) -> None:
    """Send one tensor through one codec; bytes and errors are the same in every round."""
    start_s = time.perf_counter()
    data, decoded, middle_s = way.there_and_back(quantized)
    end_s = time.perf_counter()
    tally.encode_ms.append(1000 * (middle_s - start_s))
    tally.decode_ms.append(1000 * (end_s - middle_s))
    if is_first:
        error = decoded.values.astype(np.int64) - quantized.values
        tally.sizes_bytes.append(len(data))
        tally.max_error = max(tally.max_error, int(np.abs(error).max()))
        tally.squared_error += float(np.sum(error * error))


def _result(way: _Way, tally: _Tally, elements: int, bits: int) -> CodecResult:
    """Sum up what was measured of one codec."""
    sent_bytes = sum(tally.sizes_bytes)
    mean_squared = tally.squared_error / elements
    peak = 2**bits - 1
    return CodecResult(
        codec=str(way),
        lossless=way.spec.codec.lossless,
        bytes=sent_bytes,
        bits_per_element=8 * sent_bytes / elements,
        encode_ms=float(np.median(tally.encode_ms)),
        decode_ms=float(np.median(tally.decode_ms)),
        max_error_steps=tally.max_error,
        psnr_db=10 * math.log10(peak**2 / mean_squared) if mean_squared else None,
    )
