"""The recipe: everything that decides an experiment, typed and checked.

YAML on disk, overridden on the command line as ``train.epochs=50``. Every
default is the paper's where the paper has one.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from cofeat.errors import InvalidInputError
from cofeat.feature.entropy.learned import MOST_GROUPS, MOST_HIDDEN
from cofeat.image import parse_size

Arm = Literal["baseline", "proposed", "rate"]
# In a path of keys: any name that the user chooses.
ANY_NAME = "*"


def _checked_size(text: str) -> str:
    parse_size(text)
    return text


Size = Annotated[str, AfterValidator(_checked_size)]


class Section(BaseModel):
    """A part of a recipe; unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )


class Data(Section):
    """Which pictures."""

    name: str = "cityscapes"
    """A data set of the table in ``cofeat.data``."""
    root: str | None = None
    """Its folder. Streets are made there, or beside the run where it is null."""
    size: Size = "512x256"
    """WxH in pixels to which all pictures are brought."""
    train: int | None = Field(None, ge=1)
    """How many training images; null is all. For streets, how many are made."""
    val: int | None = Field(None, ge=1)
    """How many validation images."""
    seed: int = Field(0, ge=0)
    """Of the streets."""


class Network(Section):
    """Which network."""

    encoder: str = "resnet34"
    cut: str | None = None
    """Where the encoder ends; null is its default."""
    weights: str | None = None
    """``imagenet``, the path of a file, or null: from scratch."""
    bottleneck: str = "none"
    bottleneck_channels: int | None = Field(None, ge=1)
    bits: int = Field(8, ge=1, le=16)
    per_channel: bool = False
    """One range a channel rather than one an image."""
    noise: Literal["step"] | Annotated[float, Field(ge=0)] = "step"
    """Half width of the training noise: half a step, or a fixed amplitude."""
    step: float | None = Field(None, gt=0)
    """A fixed distance of two levels in place of the features' own range."""
    tasks: tuple[str, ...] = ("segmentation", "disparity", "reconstruction")
    activation: Literal["relu", "none"] = "relu"
    light_heads: bool = False
    """Heads that end at half the resolution: fewer multiplications for outputs of few channels."""


class Weight(Section):
    """How one loss enters the total, see ``losses.weighting``."""

    rule: Literal["uncertainty", "fixed", "log"] = "uncertainty"
    pressure: float = Field(1.0, gt=0)


class Compressibility(Weight):
    """The loss that the proposed arm adds."""

    form: Literal["literal", "scale_free", "bits"] = "scale_free"
    """The paper's, the same of features over their range, or the coefficients' bits."""


class Rate(Weight):
    """The loss of the arm ``rate``: bits per pixel of the picture, by an entropy model."""

    rule: Literal["uncertainty", "fixed", "log"] = "fixed"
    groups: int = Field(8, ge=1, le=MOST_GROUPS)
    """Of channels: what is told of a value comes from the groups before its own."""
    hidden: int = Field(32, ge=1, le=MOST_HIDDEN)
    """Units a group in each of the entropy model's two layers."""


class Loss(Section):
    """The weights of the losses; tasks that are not named are weighted by uncertainty."""

    tasks: dict[str, Weight] = {}
    compressibility: Compressibility = Compressibility()
    rate: Rate = Rate()
    distillation: dict[str, Weight] = {}
    """Tasks that also learn from the outputs of ``train.teacher``, and how much."""


class Train(Section):
    """How to train."""

    arm: Arm = "proposed"
    """``baseline`` leaves the compressibility loss out."""
    start: str | None = None
    """Folder of a run or checkpoint whose weights a run begins with, where parts agree."""
    bottleneck_start: Literal["random", "principal"] = "random"
    """``principal``: the bottleneck begins with the principal components of what the encoder
    gives for training images, so that a network from ``start`` hardly notices it."""
    teacher: str | None = None
    """Folder of a run or checkpoint whose network, uncut, shows what outputs to come near."""
    epochs: int = Field(250, ge=1)
    batch: int = Field(8, ge=1)
    """Images of one step over all processes, before accumulation."""
    accumulate: int = Field(1, ge=1)
    """Batches whose gradients make one step."""
    learning_rate: float = Field(1e-3, gt=0)
    power: float = Field(0.9, ge=0)
    """Of the polynomial decay."""
    average: float = Field(0.0, ge=0, lt=1)
    """What a run gives is a moving average of the network's weights that keeps this share of itself
    at each step: 0.995 is about the last 200 steps. 0 gives the weights as they are."""
    weighting_learning_rate: float | None = Field(None, gt=0)
    """Of the log-variances; null is ``learning_rate``."""
    entropy_learning_rate: float | None = Field(None, gt=0)
    """Of the entropy model, which must keep up with the features; null is ``learning_rate``."""
    seed: int = Field(0, ge=0)
    pictures: tuple[str, ...] = ()
    """Codings that a network for cloud only trains on, such as ``avif:40``: each training picture
    is coded and decoded by one of them once; ``none`` leaves it as it is."""
    coarse: tuple[float, float] = (1.0, 1.0)
    """Each picture's noise is drawn between so many times the quantizer's, so that one network
    serves several rates and bears what a lossy codec does."""
    flip: bool = True
    """Mirror half of the pictures."""
    freeze_batch_norm: bool = False
    """Keep batch norm at the statistics that it starts with."""
    freeze: tuple[str, ...] = ()
    """Parts of the network that keep the weights that they start with, such as
    ``encoder._blocks.0``: nothing before the first part that trains needs a backward pass."""
    validate_epochs: int = Field(5, ge=1)
    log_steps: int = Field(10, ge=1)
    checkpoint_epochs: int = Field(1, ge=1)
    checkpoint_minutes: float = Field(5.0, gt=0)


class Machine(Section):
    """Where to run: changes the speed, not the experiment."""

    accelerator: str = "auto"
    devices: int | str = "auto"
    nodes: int = Field(1, ge=1)
    strategy: Literal["auto", "ddp"] = "auto"
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    compile: bool = False
    channels_last: bool = True
    threads: int | None = Field(None, ge=1)
    workers: int = Field(2, ge=0)
    """Processes that read files where the data set is not held in memory."""
    cache: Literal["device", "memory", "none"] = "memory"
    """Where the data set is held while training."""
    max_minutes: float | None = Field(None, gt=0)
    """Stop cleanly after so long; the same command goes on later."""


class Evaluate(Section):
    """What to measure after training."""

    codecs: tuple[str, ...] = Field((
        "png", "jpeg:98", "jpeg:95", "jpeg:90", "jpeg:85", "jpeg:80", "jpeg:70", "jpeg:60",
        "jpeg:40", "jpeg:20",
    ), min_length=1)  # fmt: skip
    pictures: tuple[str, ...] = (
        "jpeg:95", "jpeg:85", "jpeg:70", "jpeg:50", "jpeg:30", "jpeg:15",
        "webp:95", "webp:85", "webp:75", "webp:50", "webp:20", "webp:5",
        "avif:85", "avif:75", "avif:60", "avif:40", "avif:20", "avif:10",
    )  # fmt: skip
    """Codings of the input picture, for cloud only."""
    images: int | None = Field(None, ge=1)
    """How many validation images; null is all."""
    resamples: int = Field(1000, ge=0)
    """Of the bootstrap."""
    batch: int = Field(16, ge=1)


class Recipe(Section):
    """One experiment."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    data: Data = Data()
    network: Network = Network()
    loss: Loss = Loss()
    train: Train = Train()
    machine: Machine = Machine()
    evaluate: Evaluate = Evaluate()

    @model_validator(mode="after")
    def _coarse_is_a_range(self) -> Recipe:
        least, most = self.train.coarse
        if not 0 < least <= most:
            raise ValueError(f"train.coarse is {least} to {most}: give two numbers, least first")
        return self

    @model_validator(mode="after")
    def _weights_name_tasks(self) -> Recipe:
        for section, named in (
            ("loss.tasks", self.loss.tasks),
            ("loss.distillation", self.loss.distillation),
        ):
            for task in named:
                if task not in self.network.tasks:
                    raise ValueError(
                        f"{section} names '{task}', which is none of network.tasks: "
                        f"{', '.join(self.network.tasks)}"
                    )
        return self

    @model_validator(mode="after")
    def _a_teacher_teaches_something(self) -> Recipe:
        if self.loss.distillation and self.train.teacher is None:
            raise ValueError("loss.distillation wants a teacher: give train.teacher=RUN too")
        if self.train.teacher is not None and not self.loss.distillation:
            raise ValueError(
                "train.teacher is given and no task learns from it: name some in loss.distillation"
            )
        return self

    @model_validator(mode="after")
    def _a_principal_start_has_a_bottleneck(self) -> Recipe:
        if self.train.bottleneck_start == "principal" and self.network.bottleneck == "none":
            raise ValueError(
                "train.bottleneck_start is principal and there is no bottleneck: give "
                "network.bottleneck=narrow too"
            )
        return self

    def to_yaml(self) -> str:
        """Write the whole recipe, defaults included."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def load_recipe(path: str | Path, overrides: list[str] | tuple[str, ...] = ()) -> Recipe:
    """Read a recipe and apply overrides.

    Args:
        path: a YAML file.
        overrides: ``"section.key=value"``, the value in YAML.

    Raises:
        InvalidInputError: no such file, no YAML, an unknown key (with the
            nearest right one), or a wrong value.
    """
    path = Path(path)
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"cannot read recipe '{path}': {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise InvalidInputError(f"recipe '{path}' is not YAML: {reason}") from None
    if not isinstance(tree, dict):
        raise InvalidInputError(f"recipe '{path}' must be a table of sections, see recipes/")
    for override in overrides:
        _override(tree, override)
    return parse_recipe(tree, str(path))


def parse_recipe(tree: dict[str, Any], origin: str) -> Recipe:
    """Check a table of values.

    Args:
        tree: as YAML gives it.
        origin: where it comes from, for messages.

    Raises:
        InvalidInputError: an unknown key or a wrong value.
    """
    try:
        return Recipe.model_validate(tree)
    except ValidationError as error:
        raise InvalidInputError(f"{origin}: {_explain(error, tree)}") from None


def _override(tree: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise InvalidInputError(f"'{override}' is not KEY=VALUE, such as train.epochs=50")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InvalidInputError(f"the value of '{override}' is not YAML") from None
    if isinstance(value, str) and _is_number(value):
        value = float(value)  # YAML 1.1 reads 1e-3 as text
    *sections, last = key.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise InvalidInputError(f"'{override}': '{section}' is a value, not a section")
    tree[last] = value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _explain(error: ValidationError, tree: dict[str, Any]) -> str:
    """Turn pydantic's errors into one line."""
    reasons: dict[str, list[str]] = {}
    for problem in error.errors():
        path = [str(part) for part in problem["loc"]]
        key = ".".join(path)
        if problem["type"] == "extra_forbidden":
            reasons[f"unknown key '{key}'{_suggestion(path)}"] = []
        elif problem["type"] == "missing":
            reasons[f"the key '{key}' is needed"] = []
        elif key:
            what = f"'{_given(problem['loc'], tree)}' is {problem['input']!r:.80}"
            reasons.setdefault(what, []).append(problem["msg"])
        else:
            reasons[problem["msg"].removeprefix("Value error, ")] = []
    return "; ".join(
        f"{what}: {' or '.join(why)}" if why else what for what, why in reasons.items()
    )


def _given(path: tuple[int | str, ...], tree: Any) -> str:
    """Return the part of pydantic's path that is in the tree; the rest names its alternatives."""
    key: list[str] = []
    for part in path:
        try:
            tree = tree[part]
        except (LookupError, TypeError):
            break
        key.append(str(part))
    return ".".join(key)


def _suggestion(path: list[str]) -> str:
    """Name the nearest right key, in the same section first, then anywhere."""
    *section, wrong = path
    keys = _keys(Recipe, ())
    siblings = [
        (*section, key[-1])
        for key in keys
        if len(key) == len(path)
        and all(own in (given, ANY_NAME) for own, given in zip(key, section, strict=False))
    ]
    for candidates in (siblings, keys):
        by_name = {key[-1]: ".".join(key) for key in candidates}
        match = difflib.get_close_matches(wrong, by_name, n=1)
        if match:
            return f": did you mean '{by_name[match[0]]}'?"
    return f": use one of {', '.join(key[-1] for key in siblings)}" if siblings else ""


def _keys(section: type[Section], prefix: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the paths of all keys; ``ANY_NAME`` stands for those of a table by name."""
    keys: list[tuple[str, ...]] = []
    for name, field in section.model_fields.items():
        path = (*prefix, name)
        keys.append(path)
        inner: Any = field.annotation
        if get_origin(inner) is dict:
            path, inner = (*path, ANY_NAME), get_args(inner)[1]
        if isinstance(inner, type) and issubclass(inner, Section):
            keys += _keys(inner, path)
    return keys
