"""From a description to a network, and from a checkpoint folder back to one.

A checkpoint folder holds ``network.json`` (the description), and
``weights.safetensors``; training adds its own files beside them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load, save_file

from cofeat import shipped
from cofeat.errors import BitstreamError, InvalidInputError, MissingPackageError
from cofeat.feature.tables import Tables, read_tables
from cofeat.network.bottleneck import build_bottleneck
from cofeat.network.encoders import build_encoder
from cofeat.network.encoders.base import load_encoder_weights
from cofeat.network.heads import build_head
from cofeat.network.heads.base import Activation
from cofeat.network.multitask import MultiTaskNetwork
from cofeat.network.qlayer import QLayer

DESCRIPTION_FILE = "network.json"
WEIGHTS_FILE = "weights.safetensors"
# Fitted to the features, for the codec; a fresh checkpoint has none.
TABLES_FILE = "tables.bin"
# What training calls its checkpoints inside a run's folder, and the step's number of digits.
CHECKPOINT_GLOB = "checkpoint-[0-9]*"
# Bytes of the SHA-256 of the weights that name a model in a bitstream.
MODEL_ID_BYTES = 8


def build_network(
    encoder: str,
    cut: str | None = None,
    weights: str | None = None,
    bottleneck: str = "none",
    bottleneck_channels: int | None = None,
    bits: int = 8,
    per_channel: bool = False,
    noise: float | Literal["step"] = "step",
    step: float | None = None,
    tasks: Sequence[str] = ("segmentation", "disparity", "reconstruction"),
    activation: Activation = "relu",
    light_heads: bool = False,
) -> MultiTaskNetwork:
    """Build a network; weights that are not loaded come from torch's generator.

    Args:
        encoder: of the table of encoders.
        cut: where the encoder ends; None is its default.
        weights: of the encoder: ``"imagenet"``, the path of a file, or None.
        bottleneck: of the table of bottlenecks.
        bottleneck_channels: how many it sends; None is its default.
        bits: of the Q-layer, 1..16.
        per_channel: one range a channel rather than one an image.
        noise: half width of the Q-layer's training noise: ``"step"`` or an amplitude.
        step: a fixed distance of two levels, in place of the features' own range.
        tasks: names of the heads.
        activation: of the heads.
        light_heads: heads that end at half the resolution.

    Raises:
        InvalidInputError: there is no such part, or a value is out of range.
        MissingPackageError: ``"imagenet"`` needs a package that is not installed.
    """
    device_half = build_encoder(encoder, cut)
    if weights is not None:
        load_encoder_weights(device_half, weights)
    return MultiTaskNetwork(
        device_half,
        build_bottleneck(bottleneck, device_half.channels, bottleneck_channels),
        QLayer(bits, per_channel, noise, step),
        {
            task: build_head(
                task, device_half.channels, device_half.stride, activation, light_heads
            )
            for task in tasks
        },
    )


@dataclass(frozen=True)
class Model:
    """A network read from a checkpoint."""

    network: MultiTaskNetwork
    """In evaluation mode."""
    config: dict[str, Any]
    """The arguments of ``build_network``."""
    about: dict[str, Any]
    """What training wrote of itself: recipe, step, epoch, commit, ..."""
    model_id: bytes
    """The first 8 bytes of the SHA-256 of the weights' file."""
    folder: Path
    tables: Tables | None = None
    """Of the codec, fitted to the network's features."""


def save_network(
    folder: Path, network: MultiTaskNetwork, config: dict[str, Any], about: dict[str, Any]
) -> None:
    """Write a network into an existing folder; the caller moves the folder into place.

    Args:
        folder: gets ``network.json`` and ``weights.safetensors``.
        network: its weights are written as they are.
        config: the arguments of ``build_network`` that made it.
        about: anything JSON can hold.
    """
    tensors = {key: value.detach().cpu() for key, value in network.state_dict().items()}
    # A copy in plain order: channels-last tensors are not contiguous.
    tensors = {key: value.contiguous().clone() for key, value in tensors.items()}
    save_file(tensors, folder / WEIGHTS_FILE)
    description = {"config": config, "about": about}
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=1), encoding="utf-8")


def find_checkpoint(path: str | Path) -> Path:
    """Return the checkpoint folder that a path means: itself, or the newest of a run.

    Args:
        path: a folder, or the name of a model that comes with the package; a
            folder of that name goes first, where it holds a checkpoint.

    Raises:
        InvalidInputError: there is none.
    """
    name, path = str(path), Path(path)
    if (path / DESCRIPTION_FILE).is_file():
        return path
    checkpoints = sorted(path.glob(CHECKPOINT_GLOB)) if path.is_dir() else []
    if checkpoints:
        return checkpoints[-1]
    if name in shipped.names():
        return shipped.folder_of(name)
    what = "holds no checkpoint" if path.is_dir() else "is no folder"
    raise InvalidInputError(
        f"'{path}' {what}: give the folder of a run or of a checkpoint, as 'cofeat train' writes "
        f"it, or a model that comes with cofeat: {', '.join(shipped.names())}"
    )


def load_network(
    path: str | Path, device: str | torch.device = "cpu", with_tables: bool = True
) -> Model:
    """Read a network from a checkpoint folder, or the newest one of a run.

    Args:
        path: a folder, or the name of a model that comes with the package.
        device: where the network is to be.
        with_tables: whether to read the codec's tables too, where there are some.

    Raises:
        InvalidInputError: there is no checkpoint, or its files cannot be used.
    """
    folder = find_checkpoint(path)
    try:
        description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        raw = (folder / WEIGHTS_FILE).read_bytes()
        config, about = description["config"], dict(description["about"])
        # Its own weights follow; those that training began with may be gone.
        network = build_network(**{**config, "weights": None})
        network.load_state_dict(load(raw))
    except (InvalidInputError, MissingPackageError):
        raise
    except Exception as error:  # whatever the files hold, they are no checkpoint
        reason = " ".join(str(error).split())[:200]
        raise InvalidInputError(f"checkpoint '{folder}' cannot be read: {reason}") from error
    tables_file, tables = folder / TABLES_FILE, None
    if with_tables and tables_file.is_file():
        try:
            tables = read_tables(tables_file.read_bytes())
        except BitstreamError as error:
            raise InvalidInputError(
                f"'{tables_file}': {error}; 'cofeat fit {path}' makes new ones"
            ) from error
    model_id = hashlib.sha256(raw).digest()[:MODEL_ID_BYTES]
    return Model(network.eval().to(device), config, about, model_id, folder, tables)
