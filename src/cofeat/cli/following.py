"""Mode ``auto`` that plans: what the device's client knows of its link, told to the planner.

::

    Link (edge) ─► LinkModel ─► Follower (planner) ─► Plan ─► Way (edge): mode and device
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from cofeat.cli.planning import (
    asks_for_something,
    energy_of,
    make_planner,
    open_models,
    profiles_of,
    wish_of,
)
from cofeat.edge.device import Device, Way
from cofeat.edge.link import Link
from cofeat.errors import InvalidInputError
from cofeat.planner.follow import Follower, Steadiness
from cofeat.planner.link import LinkModel
from cofeat.planner.plan import EXCHANGE_MS, Plan

if TYPE_CHECKING:
    from cofeat.planner.choose import Wish
    from cofeat.planner.plan import Planner


class Following:
    """Gives each frame its way; what ``AsyncEdge`` takes as ``choose``.

    Args:
        planner: of the bundle.
        wish: what is asked for.
        device_of: (model, precision) -> this machine's half.
        first: the way until the first answer tells of the link.
        steadiness: how much it takes to change.
    """

    def __init__(
        self,
        planner: Planner,
        wish: Wish,
        device_of: Callable[[str, str], Device],
        first: Way,
        steadiness: Steadiness | None = None,
    ) -> None:
        self.follower = Follower(planner.estimates, wish, steadiness)
        self._first = first
        self._device_of = device_of
        self._way_of = cache(self._way)

    def __call__(self, link: Link) -> Way:
        """Return the way of the next frame."""
        if link.bits_per_s is None:
            return self._first
        return self._way_of(self.follower.choose(link_model(link, link.bits_per_s)))

    def _way(self, plan: Plan) -> Way:
        device = self._device_of(plan.cut, plan.precision)
        if plan.mode == "split":
            device = device.coding(codec=plan.codec)
        elif plan.mode == "cloud":
            device = device.coding(picture=plan.codec)
        return Way(plan.mode, device)


def link_model(link: Link, up_bits_per_s: float) -> LinkModel:
    """Return what is known of a link, as the planner takes it.

    Until an answer has told how fast it comes back, it is taken to come as requests go. Losses
    are seen as a lower rate. What HTTP takes is in the round trip as it is measured, and the
    planner adds it by itself.
    """
    rtt_ms = max(0.0, (link.rtt_ms or 0.0) - EXCHANGE_MS)
    return LinkModel(up_bits_per_s, link.down_bits_per_s or up_bits_per_s, rtt_ms)


def plans_live(arguments: argparse.Namespace) -> bool:
    """Return whether the options of `cofeat edge` ask for it.

    Raises:
        InvalidInputError: they do, beside options that leave nothing to plan; or they only say
            what a plan should be like.
    """
    profiles = (arguments.device_profile, arguments.cloud_profile)
    if not arguments.self_profile and not any(profiles):
        if asks_for_something(arguments):
            raise InvalidInputError(
                "what is asked of a plan needs profiles: give --device-profile and "
                "--cloud-profile, as 'cofeat profile' writes them, or --self-profile"
            )
        return False
    taken = {
        "--mode": None if arguments.mode == "auto" else arguments.mode,
        **{f"--{name}": getattr(arguments, name) for name in ("codec", "bytes", "bpfe", "ms")},
        "--precision": arguments.precision,
    }
    given = [name for name, value in taken.items() if value is not None]
    if given:
        raise InvalidInputError(
            f"{given[0]} is what the planner chooses: leave it out, or the profiles; --max-bytes "
            "and --min-miou bound what it chooses"
        )
    return True


def following(arguments: argparse.Namespace, device: Device) -> Following:
    """Return what the options of `cofeat edge` ask for.

    Args:
        arguments: of the command.
        device: of frames until the link is known.

    Raises:
        InvalidInputError: a profile cannot be used.
    """
    models = open_models(arguments.bundle)
    profiles = profiles_of(
        models, arguments.device_profile, arguments.cloud_profile, arguments.threads
    )
    planner = make_planner(
        models, *profiles, energy_of(arguments), arguments.tasks, arguments.answers
    )
    by_name = {model.entry.name: model for model in models}

    @cache
    def device_of(name: str, precision: str) -> Device:
        return Device(
            by_name[name],
            tasks=tuple(arguments.tasks.split(",")) if arguments.tasks else None,
            answers=arguments.answers,
            precision="int8" if precision == "int8" else "fp32",
            threads=arguments.threads,
        )

    planner = planner.only(lambda plan: device_of(plan.cut, plan.precision).can(plan.mode))
    return Following(planner, wish_of(arguments), device_of, Way("split", device))
