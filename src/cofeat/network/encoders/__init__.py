"""The encoders: one file an encoder, one line in the table."""

from __future__ import annotations

from typing import cast

from cofeat.network.encoders.base import Encoder
from cofeat.registry import Registry

# name -> a class called as Class(cut).
ENCODERS = Registry(
    "encoder",
    "cofeat.encoders",
    {
        "tiny": "cofeat.network.encoders.tiny:Tiny",
        "resnet34": "cofeat.network.encoders.resnet34:ResNet34",
        "efficientnet_lite0": "cofeat.network.encoders.efficientnet_lite0:EfficientNetLite0",
    },
)


def build_encoder(name: str, cut: str | None = None) -> Encoder:
    """Build an encoder with random weights, ending at ``cut`` (None: its default).

    Raises:
        InvalidInputError: there is no such encoder or cut.
    """
    return cast(Encoder, ENCODERS.load(name)(cut))
