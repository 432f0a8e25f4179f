"""The accuracy of a plan, as the bundle's manifest has it measured."""

from __future__ import annotations

from cofeat.bundle.manifest import ModelEntry
from cofeat.errors import InvalidInputError
from cofeat.feature.codecs import parse_codec
from cofeat.pictures import parse_picture_spec
from cofeat.tasks import load_task

Accuracy = dict[str, float | None]

# Formats whose pixels come back exactly.
_EXACT_PICTURES = ("png",)


def accuracy_of(entry: ModelEntry, sent: str, precision: str, codec: str) -> Accuracy | None:
    """Return each task's measure, None where it was not measured so.

    A codec that loses nothing needs no point of its own: behind the quantizer, its accuracy is
    the model's, and that of an exact picture is the uncut network's.

    Args:
        entry: of the model.
        sent: ``"features"``, ``"picture"`` or ``"nothing"``.
        precision: of the encoder.
        codec: of what is sent.
    """
    measures = [load_task(task.name).measure for task in entry.tasks]
    if sent == "features" and parse_codec(codec).codec.lossless and entry.accuracy is not None:
        values = entry.accuracy.fp32 if precision == "fp32" else entry.accuracy.int8
        return None if values is None else {name: values.get(name) for name in measures}
    if sent == "picture" and parse_picture_spec(codec)[0].name in _EXACT_PICTURES:
        sent, codec = "nothing", "none"
    for point in entry.points:
        told = canonical(point.sent, point.codec)
        if (point.sent, point.precision, told) == (sent, precision, codec):
            return {name: point.values.get(name) for name in measures}
    return None


def how_to_measure(sent: str, codec: str) -> str:
    """Return what makes the accuracy of a plan known."""
    if sent == "nothing":
        return "export the bundle anew"
    option = "--measure-codecs" if sent == "features" else "--measure-pictures"
    return f"export with {option} {codec}"


def canonical(sent: str, codec: str) -> str:
    """Return the one way to write a codec, that of ``Plan.codec``; as it is where it is unknown.

    Args:
        sent: what it codes.
        codec: such as ``"PNG:6"``.
    """
    try:
        if sent == "features":
            return str(parse_codec(codec))
        if sent == "picture":
            form, setting = parse_picture_spec(codec)
            return f"{form.name}:{setting}"
    except InvalidInputError:  # of a package that is not installed here
        return codec
    return codec
