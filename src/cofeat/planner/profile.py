"""What a machine takes for every stage of every model of a bundle, as a file of JSON.

Any change of these classes is another ``SCHEMA``.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

from cofeat.bundle.manifest import ModelEntry
from cofeat.bundle.typed import MismatchError, from_json
from cofeat.errors import InvalidInputError
from cofeat.files import write_text
from cofeat.image import parse_size
from cofeat.runtime.cost import GraphCost

SCHEMA = 1
# Far above what a profile of many models takes.
_MAX_BYTES = 16 * 2**20
# A frame's way. ``how`` of a stage is the format of ``read``, the precision of ``encode``, the
# codec of ``compress`` and ``decompress``, the format of ``picture`` and ``unpicture``, the tasks
# of ``heads`` and ``whole``, and form and task of ``answer`` and ``unanswer``.
STAGES = (
    "read", "encode", "compress", "picture",
    "decompress", "unpicture", "heads", "whole", "answer", "unanswer",
)  # fmt: skip


@dataclass(frozen=True)
class StageTime:
    """One stage done in one way."""

    stage: str
    """One of ``STAGES``."""
    how: str
    """In which way, such as ``"int8"`` or ``"jpeg:90"``."""
    batch: int
    """Pictures at once; times are of all of them."""
    runs: int
    median_ms: float
    p95_ms: float
    spread_ms: float
    """From the first to the third quartile."""
    bytes: float
    """Median of what came out; 0 where that is no bytes."""


@dataclass(frozen=True)
class ModelProfile:
    """Of one model: a network at one cut."""

    name: str
    model_id: str
    """Hexadecimal; names the network."""
    stages: tuple[StageTime, ...]
    graphs: dict[str, GraphCost]
    """Part of the bundle -> what one run takes, for a picture of the profile's size."""

    def find(self, stage: str, how: str, batch: int = 1) -> StageTime | None:
        """Return a stage's times, None where they were not measured."""
        wanted = (stage, how, batch)
        return next((t for t in self.stages if (t.stage, t.how, t.batch) == wanted), None)

    def ways(self, stage: str) -> tuple[str, ...]:
        """Return in which ways a stage was measured for one picture."""
        return tuple(t.how for t in self.stages if t.stage == stage and t.batch == 1)


@dataclass(frozen=True)
class Profile:
    """The whole file."""

    schema: int
    cofeat: str
    """The version that wrote it."""
    machine: str
    """For people."""
    cores: int
    threads: int | None
    """Of one run of a network; None for every core."""
    size: str
    """WxH in pixels of the pictures."""
    pictures: int
    """Different ones that were measured in turn."""
    models: tuple[ModelProfile, ...]

    def of(self, entry: ModelEntry) -> ModelProfile:
        """Return the times of a model.

        Raises:
            InvalidInputError: the profile has none of it.
        """
        for model in self.models:
            if (model.name, model.model_id) == (entry.name, entry.model_id):
                return model
        names = ", ".join(f"'{model.name}' ({model.model_id})" for model in self.models)
        raise InvalidInputError(
            f"the profile of '{self.machine}' has no model '{entry.name}' ({entry.model_id}): it "
            f"has {names}; profile this bundle there"
        )


def tasks_way(tasks: tuple[str, ...]) -> str:
    """Return the ``how`` of heads for tasks."""
    return "+".join(tasks)


def save_profile(profile: Profile, path: Path) -> None:
    """Write a profile, whole or not at all."""
    write_text(path, json.dumps(asdict(profile), indent=1, allow_nan=False) + "\n")


def load_profile(path: Path) -> Profile:
    """Read a profile, the inverse of ``save_profile``.

    Raises:
        InvalidInputError: there is none, or a value cannot be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(f"the profile '{path}' cannot be read: {error.strerror}") from None
    try:
        if len(data) > _MAX_BYTES:
            raise MismatchError(f"it is over {_MAX_BYTES} bytes")
        tree = json.loads(data.decode("utf-8"), parse_constant=_refuse)
        schema = tree.get("schema") if isinstance(tree, dict) else None
        if schema != SCHEMA:
            raise MismatchError(f"its schema is {schema!r:.60} and this version reads {SCHEMA}")
        profile = from_json(Profile, tree)
        _check(profile)
    except (MismatchError, ValueError, RecursionError) as error:
        raise InvalidInputError(
            f"'{path}' is no profile that this version reads: {error}; make it with "
            f"'cofeat profile BUNDLE -o {path}'"
        ) from None
    return profile


def _refuse(constant: str) -> None:
    """Take none of the numbers that JSON has not and Python reads."""
    raise ValueError(f"{constant} is no number of JSON")


def _check(profile: Profile) -> None:
    """Refuse values that cannot be.

    Raises:
        MismatchError: one cannot.
        InvalidInputError: the size is none.
    """
    parse_size(profile.size)
    if not profile.models:
        raise MismatchError("it has no model")
    for model in profile.models:
        for time in model.stages:
            numbers = (time.median_ms, time.p95_ms, time.spread_ms, time.bytes)
            possible = all(math.isfinite(number) and number >= 0 for number in numbers)
            if time.stage not in STAGES or time.batch < 1 or time.runs < 1 or not possible:
                raise MismatchError(
                    f"model {model.name!r:.80}: stage {time.stage!r:.40} {time.how!r:.60} of "
                    f"{time.batch} cannot be"
                )
