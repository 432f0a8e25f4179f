"""`cofeat plan`: where to run the network, and what a fleet costs."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat.cli.planning import add_wish
from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    from cofeat.planner.choose import Decision, Wish
    from cofeat.planner.fleet import Fleet, FleetCost
    from cofeat.planner.link import LinkModel
    from cofeat.planner.plan import Estimate, Planner
    from cofeat.planner.profile import Profile

HELP = "tell where to run a bundle's network for a device, a link and a cloud, and what it costs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat plan` takes."""
    parser.add_argument("bundle", help="its folder, FOLDER:NAME for one of its models")
    parser.add_argument("--device", type=Path, metavar="JSON", help="its profile (this machine)")
    parser.add_argument("--cloud", type=Path, metavar="JSON", help="its profile (this machine)")
    parser.add_argument(
        "--link",
        default="10Mbit,40ms",
        help="rate each way, round trip, loss: 10Mbit,40ms or 10Mbit,40ms,1%% (10Mbit,40ms)",
    )
    parser.add_argument("--tasks", help="separated by commas (all)")
    parser.add_argument(
        "--answers", default="png", choices=("raw", "png", "jpeg"), help="of the server (png)"
    )
    add_wish(parser)
    fleet = parser.add_argument_group("a fleet")
    fleet.add_argument("--fleet", type=int, metavar="N", help="devices: tell what they cost")
    fleet.add_argument("--fps", type=float, default=1.0, help="frames/s of each (1)")
    fleet.add_argument("--keep-days", type=float, default=1.0, help="payloads are kept (1)")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="each mode over the rate, .png")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat plan`."""
    from cofeat.cli.planning import energy_of, make_planner, open_models, profiles_of, wish_of
    from cofeat.planner.choose import decide
    from cofeat.planner.fleet import Fleet
    from cofeat.planner.link import parse_link
    from cofeat.planner.plot import save_plan_plot
    from cofeat.plot_file import check_plot_path

    link, wish, energy = parse_link(arguments.link), wish_of(arguments), energy_of(arguments)
    if arguments.plot is not None:
        check_plot_path(arguments.plot)
    fleet = None
    if arguments.fleet is not None:
        fleet = Fleet(arguments.fleet, arguments.fps, arguments.keep_days)
    models = open_models(arguments.bundle)
    device, cloud = profiles_of(models, arguments.device, arguments.cloud)
    planner = make_planner(models, device, cloud, energy, arguments.tasks, arguments.answers)
    estimates = planner.estimates(link)
    if fleet is not None:
        costs = fleet_costs(planner, estimates, wish, fleet, cloud)
        _print_fleet(costs, fleet, link, cloud, arguments.json)
    else:
        decision = decide(estimates, wish)
        if arguments.json:
            print(json.dumps(_document(decision, link, wish)))
        else:
            _print(decision, link, wish)
    if arguments.plot is not None:
        save_plan_plot(planner, link, wish, arguments.plot)
    return 0


def _print(decision: Decision, link: LinkModel, wish: Wish) -> None:
    """Print the best plan, then all of them, and why they lost."""
    from cofeat.cli.tables import table

    best = decision.best
    print(f"on {link}, least {wish.minimize}: {best.plan}")
    measures = list(
        dict.fromkeys(
            name
            for estimate in (best, *(one for one, _ in decision.lost))
            for name in estimate.accuracy or ()
        )
    )
    rows = [_cells(best, "best", measures)]
    for estimate, why in decision.lost:
        mark = "front: " if estimate in decision.front else ""
        rows.append(_cells(estimate, mark + why, measures))
    header = ["plan", "why not", "bytes", "ms", "p95 ms", "mJ", "frames/s", *measures]
    print(table(header, rows))


def _cells(estimate: Estimate, why: str, measures: list[str]) -> list[str]:
    known = estimate.accuracy or {}
    values = [known.get(name) for name in measures]
    return [
        str(estimate.plan),
        why,
        f"{estimate.bytes:,.0f}",
        f"{estimate.latency_ms:.1f}",
        f"{estimate.p95_ms:.1f}",
        f"{1000 * estimate.device_j:.1f}",
        f"{estimate.frames_per_s:.1f}",
        *("?" if value is None else f"{value:.4g}" for value in values),
    ]


def _document(decision: Decision, link: LinkModel, wish: Wish) -> dict[str, Any]:
    """Return all of it, as JSON can hold it."""
    return {
        "link": asdict(link),
        "minimize": wish.minimize,
        "best": _plain(decision.best),
        "front": [str(estimate.plan) for estimate in decision.front],
        "lost": [{**_plain(estimate), "why": why} for estimate, why in decision.lost],
    }


def _plain(estimate: Estimate) -> dict[str, Any]:
    return {"name": str(estimate.plan), **asdict(estimate)}


def fleet_costs(
    planner: Planner, estimates: list[Estimate], wish: Wish, fleet: Fleet, cloud: Profile
) -> list[FleetCost]:
    """Return what each mode's best plan takes, if a fleet follows it.

    Raises:
        InvalidInputError: no plan does what is asked.
    """
    from cofeat.planner.fleet import fleet_cost

    models = {model.name: model for model in cloud.models}
    by_plan = {costs.plan: costs for costs in planner.costs}
    found: dict[str, FleetCost] = {}
    for estimate in wish.ranked(estimates):
        plan = estimate.plan
        if plan.mode not in found:
            found[plan.mode] = fleet_cost(fleet, by_plan[plan], estimate, models[plan.cut])
    if not found:
        raise InvalidInputError("no plan does what is asked: ask for less")
    return list(found.values())


def _print_fleet(
    costs: list[FleetCost], fleet: Fleet, link: LinkModel, cloud: Profile, as_json: bool
) -> None:
    """Print a row a mode, and what was assumed."""
    from cofeat.cli.tables import table

    if as_json:
        print(json.dumps({"fleet": asdict(fleet), "plans": [asdict(cost) for cost in costs]}))
        return
    rows = [
        [
            cost.plan,
            f"{cost.up_bits_per_s / 1e9:,.3f}",
            f"{cost.down_bits_per_s / 1e9:,.3f}",
            f"{cost.picture_ms:.2f}",
            f"{cost.replicas:,}",
            f"{cost.stored_bytes / 1e12:,.3f}",
            "yes" if cost.feasible else "no",
        ]
        for cost in costs
    ]
    header = [
        "plan",
        "Gbit/s in",
        "Gbit/s out",
        "ms a picture",
        "replicas",
        "TB kept",
        "fast enough",
    ]
    print(f"{fleet.devices:,} devices, {fleet.fps:g} frames/s each")
    print(table(header, rows, left=1))
    print(
        f"assumed: each mode's best plan on {link}; a replica is '{cloud.machine}' with "
        f"{cloud.cores} cores, used to {100 * fleet.utilization:.0f} %, in its fastest batch, one "
        f"stage after another; payloads kept {fleet.keep_days:g} days; all devices at the same "
        "rate all day; fast enough: a device's slowest stage keeps up"
    )
