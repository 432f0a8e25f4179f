"""Is the plan that `cofeat plan` names the best one, and are its predictions right?

    python benchmarks/planner.py [--bundle DIR] [--size 512x256] [--links 8] [--json FILE]

`cofeat serve` runs on one core, the device on another, and between them an emulated link, as in
`end_to_end.py`. First both machines' stages are profiled, on one core each. Then, on each link, all
plans are run, in turn, each with the same pictures one after another: what they really take is
compared with what was predicted before, and the plan that is named for an objective with the best
that was found. Energy is that of the measured times and bytes, by the same constants.

Told are, for each link and wish, the named plan, the best one, and how much worse the named one
is. Wished for are the objectives, each among all plans and among those that send something, as if
the device could not hold the whole network. Then the distance of the predicted from the measured
latency, over all plans and links.

Without ``--bundle`` the encoder is EfficientNet-Lite0 with weights of ImageNet and the heads are
untrained: they take as long as trained ones.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cofeat.bundle import BundleModel
from cofeat.cli.planning import make_planner, open_models, profile_here
from cofeat.edge import Device, Edge, Patience
from cofeat.image import format_size, parse_size
from cofeat.planner.choose import OBJECTIVES, Wish, decide
from cofeat.planner.energy import Energy
from cofeat.planner.link import LinkModel, parse_link
from cofeat.planner.plan import Estimate, Plan, Planner
from emulator import Emulator
from end_to_end import export, pictures_of, print_table
from serving import CLIENT_CORE, SERVER_CORE, serving

# From the edge of a cell to a cable; 8 links x 5 wishes. None has losses: a median of few
# pictures says nothing of what happens to one in ten.
LINKS = (
    "1Mbit,80ms", "2Mbit,40ms", "5Mbit,30ms", "10Mbit,20ms",
    "20Mbit,60ms", "50Mbit,10ms", "100Mbit,4ms", "400Mbit,2ms",
)  # fmt: skip
# (objective, among which modes); that nothing is sent by the fewest bytes needs no test.
WISHES = (
    *((objective, ("split", "cloud")) for objective in OBJECTIVES),
    ("latency", ("split", "cloud", "mobile")),
    ("energy", ("split", "cloud", "mobile")),
)
TASKS = ("segmentation",)
ANSWERS = "png"
CODECS = ("zstd:1", "png:1", "jpeg:90", "jpeg:60")
FORMATS = ("jpeg:85", "webp:75")
ROUNDS = 15
PICTURES = 3
# No picture is to fall back: what a slow link takes is what is told.
PATIENCE = Patience(deadline_s=60.0, tries=1)
# Of the named plan against the best, and of predicted against measured latency in the median.
WITHIN, PREDICTED_WITHIN = 0.10, 0.15
# After this no further link is begun.
MAX_S = 300.0


def profiles(models: Sequence[BundleModel], pictures: Sequence[Path], size: str) -> list[Any]:
    """Profile the device's and the server's core, in this order; ends on the device's."""
    found = []
    for core in (SERVER_CORE, CLIENT_CORE):
        os.sched_setaffinity(0, {core})
        found.append(
            profile_here(models, size, pictures, CODECS, FORMATS, rounds=ROUNDS, threads=1)
        )
    return found[::-1]


def device_of(models: Sequence[BundleModel], plan: Plan) -> Device:
    """Return the device that does a plan."""
    model = next(model for model in models if model.entry.name == plan.cut)
    return Device(
        model,
        codec=plan.codec if plan.mode == "split" else None,
        picture=plan.codec if plan.mode == "cloud" else "jpeg",
        tasks=TASKS,
        answers=ANSWERS,
        precision="int8" if plan.precision == "int8" else "fp32",
        threads=1,
    )


def run_plans(
    edges: dict[Plan, Edge], pictures: Sequence[bytes], energy: Energy, link: LinkModel
) -> dict[Plan, dict[str, float]]:
    """Run every plan with every picture, in turn; the first round warms up."""
    taken: dict[Plan, list[tuple[float, float, float]]] = {plan: [] for plan in edges}
    for number, picture in enumerate((pictures[0], *pictures)):
        for plan, edge in edges.items():
            result = edge.run(picture)
            if result.mode != plan.mode:
                raise SystemExit(f"{plan} fell back: {result.reason}")
            if number:
                stages = result.stages_ms
                # The device computes, but for the answer's reading, in these three.
                here_ms = sum(stages.get(stage, 0.0) for stage in ("read", "encode", "compress"))
                up, down = result.bytes_sent, result.bytes_received
                radio_ms = link.up_ms(up) + link.down_ms(down)
                joules = energy.joules(here_ms, up, down, radio_ms)
                taken[plan].append((result.total_ms, joules, result.payload_bytes))
    medians = {plan: np.median(rows, axis=0) for plan, rows in taken.items()}
    return {
        plan: dict(zip(OBJECTIVES, map(float, values), strict=True))
        for plan, values in medians.items()
    }


def judge(
    link: str, estimates: Sequence[Estimate], measured: dict[Plan, dict[str, float]]
) -> list[dict[str, Any]]:
    """Compare the named plan with the best that was found, for each wish."""
    rows = []
    for objective, modes in WISHES:
        among = [estimate for estimate in estimates if estimate.plan.mode in modes]
        named = decide(among, Wish(objective)).best.plan
        costs = {e.plan: measured[e.plan][objective] for e in among}
        best = min(costs, key=costs.__getitem__)
        rows.append(
            {
                "link": link,
                "objective": objective,
                "among": "all" if "mobile" in modes else "sending",
                "named": str(named),
                "best": str(best),
                "named_cost": costs[named],
                "best_cost": costs[best],
                "worse": costs[named] / costs[best] - 1,
            }
        )
    return rows


def on_link(
    word: str,
    port: int,
    planner: Planner,
    devices: dict[Plan, Device],
    pictures: Sequence[bytes],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Run all plans on one link; what was named, and what was predicted."""
    link = parse_link(word)
    estimates = planner.estimates(link)
    delay_s = link.rtt_ms / 2000
    with Emulator(("127.0.0.1", port), link.up_bits_per_s, delay_s, link.loss) as emulated:
        edges = {
            plan: Edge(device, emulated.url, plan.mode, patience=PATIENCE).__enter__()
            for plan, device in devices.items()
        }
        try:
            measured = run_plans(edges, pictures, planner.energy, link)
        finally:
            for edge in edges.values():
                edge.__exit__(None, None, None)
    predicted = [
        {
            "link": word,
            "plan": str(estimate.plan),
            "predicted_ms": estimate.latency_ms,
            "measured_ms": measured[estimate.plan]["latency"],
            "off": abs(estimate.latency_ms / measured[estimate.plan]["latency"] - 1),
        }
        for estimate in estimates
    ]
    return judge(word, estimates, measured), predicted


def report(named: list[dict[str, Any]], predicted: list[dict[str, Any]]) -> None:
    """Print both tables and the two figures."""
    rows = [
        (
            row["link"],
            row["objective"],
            row["among"],
            row["named"],
            row["best"],
            _cost(row["objective"], row["named_cost"]),
            _cost(row["objective"], row["best_cost"]),
            f"{100 * row['worse']:.1f} %",
        )
        for row in named
    ]
    print_table(
        ("link", "least", "among", "named", "best found", "takes", "best takes", "worse"), rows
    )
    rows = [
        (
            link,
            str(len(offs)),
            f"{100 * np.median(offs):.1f} %",
            f"{100 * np.max(offs):.1f} %",
        )
        for link, offs in _by_link(predicted).items()
    ]
    print_table(("link", "plans", "off, median", "off, most"), rows)
    good = sum(row["worse"] <= WITHIN for row in named)
    off = float(np.median([row["off"] for row in predicted]))
    print(f"\nnamed plan within {100 * WITHIN:.0f} % of the best: {good} of {len(named)}")
    print(
        f"predicted latency off by {100 * off:.1f} % in the median over {len(predicted)} plans "
        f"(at most {100 * PREDICTED_WITHIN:.0f} % wanted)"
    )


def _cost(objective: str, value: float) -> str:
    if objective == "energy":
        return f"{1000 * value:.1f} mJ"
    return f"{value:.1f} ms" if objective == "latency" else f"{value:,.0f} B"


def _by_link(predicted: list[dict[str, Any]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in predicted:
        found.setdefault(row["link"], []).append(row["off"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", help="of a trained network, FOLDER or FOLDER:NAME")
    parser.add_argument("--size", type=parse_size, default=(256, 512), help="WxH (512x256)")
    parser.add_argument("--links", type=int, default=len(LINKS), help="only the first so many")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write all figures")
    arguments = parser.parse_args()
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = arguments.bundle or str(export(folder, arguments.size))
        models = open_models(bundle)
        pictures = pictures_of("streets", arguments.size, PICTURES)
        files = [folder / f"{number}.png" for number in range(PICTURES)]
        for file, data in zip(files, pictures, strict=True):
            file.write_bytes(data)
        here, there = profiles(models, files, format_size(arguments.size))
        planner = make_planner(models, here, there, Energy(), ",".join(TASKS), ANSWERS)
        devices = {costs.plan: device_of(models, costs.plan) for costs in planner.costs}
        named: list[dict[str, Any]] = []
        predicted: list[dict[str, Any]] = []
        with serving(Path(bundle.rpartition(":")[0] or bundle), folder) as (_, port):
            for word in LINKS[: arguments.links]:
                if time.monotonic() - started_s > MAX_S:
                    print(f"{MAX_S:.0f} s have passed: {word} and what follows are left out")
                    break
                more = on_link(word, port, planner, devices, pictures)
                named, predicted = named + more[0], predicted + more[1]
    report(named, predicted)
    if arguments.json:
        document = {"named": named, "predicted": predicted}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
