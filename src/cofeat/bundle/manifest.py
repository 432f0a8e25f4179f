"""What a bundle says of its models: ``manifest.json``, typed.

Any change of these classes is another ``SCHEMA``.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from cofeat.bundle.layout import PART_FILES, is_name
from cofeat.bundle.typed import MismatchError, from_json
from cofeat.feature.bitstream import MAX_CHANNELS, MODEL_ID_BYTES, TABLES_ID_BYTES
from cofeat.feature.quantizer import MAX_BITS
from cofeat.image import MAX_SIDE_PX

SCHEMA = 2


@dataclass(frozen=True)
class FileEntry:
    """One file of a bundle."""

    path: str
    """Relative to the bundle, with forward slashes."""
    bytes: int
    sha256: str
    """64 hexadecimal digits."""


@dataclass(frozen=True)
class TaskEntry:
    """One output of ``heads`` and ``whole``."""

    name: str
    dtype: str
    """numpy's name, such as ``"uint8"``."""
    shape: tuple[str, ...]
    """A word an axis: ``"N"`` images, ``"H"`` and ``"W"`` pixels, or a fixed number."""
    classes: tuple[str, ...] | None
    """Names of the values of a segmentation, in order; None for other tasks."""


@dataclass(frozen=True)
class Normalization:
    """Of the pixels in [0, 1] per RGB channel; it is inside the graphs and told for people."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Accuracy:
    """Each task's measure, through encoder, quantizer, heads; nothing lost by a codec."""

    data: str
    """Name of the data set."""
    split: str
    images: int
    size: str
    """WxH in pixels."""
    fp32: dict[str, float | None]
    """Measure -> value with the fp32 encoder; None where it is not defined."""
    int8: dict[str, float | None] | None
    """The same with the int8 encoder; None where the bundle has none."""


@dataclass(frozen=True)
class RatePoint:
    """One point of a rate-accuracy curve."""

    sent: str
    """One of ``SENT``: what the bytes are."""
    precision: str
    """One of ``PRECISIONS``: of the network that made the features; fp32 where none did."""
    codec: str
    """``NAME:SETTING`` of features or picture, ``"none"`` where nothing is sent."""
    values: dict[str, float | None]
    """``mean_bytes``, ``bpfe``, ``bpp`` and each task's measure; None where it is not defined."""


@dataclass(frozen=True)
class Origin:
    """The training run that a model comes from, as far as its checkpoint tells."""

    recipe: str | None
    arm: str | None
    seed: int | None
    commit: str | None
    step: int | None
    data: str | None
    stand_in: bool | None
    """Whether the data stand in for others, as street scenes do for Cityscapes."""


@dataclass(frozen=True)
class ModelEntry:
    """One model: a network at one cut."""

    name: str
    version: str
    """A whole number, from ``"1"``."""
    model_id: str
    """Hexadecimal; names the network in a bitstream."""
    encoder: str
    cut: str
    stride: int
    """Image pixels for one feature, along each side."""
    channels: int
    """Of the features that are sent."""
    bits: int
    per_channel: bool
    step: float | None
    """A fixed distance of two levels, instead of the features' own range."""
    tasks: tuple[TaskEntry, ...]
    normalization: Normalization
    padding: str
    """How a picture comes to multiples of the stride; always ``PADDING``."""
    codec: str
    """``NAME`` or ``NAME:SETTING``, where nothing else is asked for."""
    tables_id: str | None
    """Hexadecimal; of the tables in ``tables.bin``."""
    files: dict[str, FileEntry]
    """Part -> file, see ``layout.PART_FILES``."""
    parity: dict[str, float]
    """Output -> its distance from torch's, as ``cofeat.export.parity`` measures it."""
    accuracy: Accuracy | None
    points: tuple[RatePoint, ...]
    origin: Origin


@dataclass(frozen=True)
class Manifest:
    """The whole file."""

    schema: int
    cofeat: str
    """The version that wrote it."""
    models: tuple[ModelEntry, ...]


# What a point's bytes are: of the features, of the picture itself, or there are none.
SENT = ("features", "picture", "nothing")
PRECISIONS = ("fp32", "int8")
# Repeat the last row and column below and to the right, and crop the outputs again.
PADDING = "edge"


def to_text(manifest: Manifest) -> str:
    """Write a manifest as JSON."""
    return json.dumps(asdict(manifest), indent=1, allow_nan=False) + "\n"


def parse_manifest(text: str) -> Manifest:
    """Read a manifest, the inverse of ``to_text``.

    Raises:
        MismatchError: it is no JSON, of another schema, or a value cannot be.
    """
    try:
        tree = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise MismatchError(f"it is not JSON: {error}") from None
    schema = tree.get("schema") if isinstance(tree, dict) else None
    if schema != SCHEMA:
        raise MismatchError(
            f"its schema is {schema!r:.60} and this version reads {SCHEMA}: export it again"
        )
    manifest = from_json(Manifest, tree)
    problem = _problem(manifest)
    if problem:
        raise MismatchError(problem)
    return manifest


def known(values: dict[str, Any]) -> dict[str, float | None]:
    """Return measures as JSON can hold them: None where a number is not finite."""
    return {key: float(value) if math.isfinite(value) else None for key, value in values.items()}


def _refuse(constant: str) -> None:
    """Take none of the numbers that JSON has not and Python reads."""
    raise ValueError(f"{constant} is no number of JSON")


def _problem(manifest: Manifest) -> str:
    """Say which value cannot be, or ``""``."""
    if not manifest.models:
        return "it has no model"
    name, count = Counter(model.name for model in manifest.models).most_common(1)[0]
    if count > 1:
        return f"it has two models '{name}'"
    for model in manifest.models:
        problem = next((message for holds, message in _checks(model) if not holds), "")
        if problem:
            return f"model {model.name!r:.80}: {problem}"
    return ""


def _checks(model: ModelEntry) -> tuple[tuple[bool, str], ...]:
    """Return (what must hold, what to say where it does not)."""
    tasks = [task.name for task in model.tasks]
    strange = sorted(set(model.files) - set(PART_FILES))
    tables = model.tables_id
    return (
        (is_name(model.name), "that is no name of a model"),
        (re.fullmatch(r"[1-9][0-9]{0,8}", model.version) is not None, "version is no number"),
        (_is_hex(model.model_id, MODEL_ID_BYTES), f"model_id is not {MODEL_ID_BYTES} bytes in hex"),
        (
            tables is None or _is_hex(tables, TABLES_ID_BYTES),
            f"tables_id is not {TABLES_ID_BYTES} bytes in hex",
        ),
        (1 <= model.stride <= MAX_SIDE_PX, f"a stride of {model.stride}"),
        (1 <= model.channels <= MAX_CHANNELS, f"{model.channels} channels"),
        (1 <= model.bits <= MAX_BITS, f"{model.bits} bits"),
        (model.step is None or model.step > 0, f"a step of {model.step}"),
        (bool(tasks) and len(set(tasks)) == len(tasks), "tasks are none, or one stands twice"),
        (all(task.shape[:1] == ("N",) for task in model.tasks), "a task's shape lacks N"),
        (model.padding == PADDING, f"padding is not '{PADDING}'"),
        (
            all(point.sent in SENT and point.precision in PRECISIONS for point in model.points),
            f"a point's 'sent' is none of {', '.join(SENT)}, or its precision of "
            f"{', '.join(PRECISIONS)}",
        ),
        (bool(model.files), "it has no files"),
        (not strange, f"there is no part {strange[:1]}"),
        (
            all(file.bytes >= 0 and _is_hex(file.sha256, 32) for file in model.files.values()),
            "a file's size or SHA-256 cannot be",
        ),
    )


def _is_hex(text: str, length_bytes: int) -> bool:
    return re.fullmatch(rf"[0-9a-f]{{{2 * length_bytes}}}", text) is not None
