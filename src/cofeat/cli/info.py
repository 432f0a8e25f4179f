"""`cofeat info`: what is installed and which parts there are, or what a checkpoint is."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

HELP = "show versions, machine and available parts, or describe a checkpoint"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat info` takes."""
    parser.add_argument("checkpoint", nargs="?", type=Path, help="folder of a run or checkpoint")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat info`."""
    about = _checkpoint(arguments.checkpoint) if arguments.checkpoint else _installation()
    if arguments.json:
        print(json.dumps(about, indent=1))
    else:
        _print(about)
    return 0


def _installation() -> dict[str, Any]:
    from cofeat.cli.machine import commit, machine, versions
    from cofeat.data import DATASETS
    from cofeat.feature.codecs import CODECS
    from cofeat.tasks import TASKS

    about: dict[str, Any] = {
        "versions": versions(),
        "commit": commit(),
        "machine": machine(),
        "tasks": list(TASKS.names()),
        "codecs": list(CODECS.names()),
        "data sets": list(DATASETS.names()),
    }
    if "torch" in about["versions"]:
        import torch

        from cofeat.network.bottleneck import BOTTLENECKS
        from cofeat.network.encoders import ENCODERS

        about["encoders"] = {name: list(ENCODERS.load(name).cuts) for name in ENCODERS.names()}
        about["bottlenecks"] = list(BOTTLENECKS.names())
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        about["gpus"] = [torch.cuda.get_device_name(index) for index in range(gpus)]
    return about


def _checkpoint(path: Path) -> dict[str, Any]:
    from cofeat.image import parse_size
    from cofeat.network.build import load_network

    model = load_network(path)
    network, recipe = model.network, model.about.get("recipe", {})
    about: dict[str, Any] = {
        "checkpoint": str(model.folder),
        "model id": model.model_id.hex(),
        "network": model.config,
        "stride": network.stride,
        "channels sent": network.bottleneck.channels,
        "parameters on the device": _parameters(network.encoder, network.bottleneck.down),
        "parameters in the cloud": _parameters(network.bottleneck.up, network.heads),
        **{key: value for key, value in model.about.items() if key != "recipe"},
    }
    if "data" in recipe:
        shape = network.feature_shape(parse_size(recipe["data"]["size"]))
        about["features of a picture"] = list(shape)
    return about


def _parameters(*modules: Any) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def _print(about: dict[str, Any]) -> None:
    width = max(len(key) for key in about)
    for key, value in about.items():
        if isinstance(value, dict):
            value = ", ".join(
                f"{name} {' '.join(inner) if isinstance(inner, list) else inner}"
                for name, inner in value.items()
            )
        elif isinstance(value, list):
            value = ", ".join(map(str, value)) or "none"
        elif value is None:
            value = "unknown"
        print(f"{key.ljust(width)}  {value}")
