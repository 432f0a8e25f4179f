"""The paper's claim on the quick recipe's network: pressures of L_c, noises, seeds and two cuts.

    python tools/paper_claim.py

Trains each pair on street scenes of seed 1 and measures it on 200 of seed 2: four minutes a run on
a core, three hours in all, in ``runs/paper-claim``; goes on where it was stopped. What it
measured is in ``results/paper-claim.json``, from which ``make results`` makes the tables.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cofeat.cli.machine import provenance
from cofeat.evaluation.bd import bd_rate
from cofeat.evaluation.points import Curve, load_curve, select_codecs
from cofeat.files import write_text

MEASURES = ("miou", "irmse", "psnr_db")
PAPER = ("png", "jpeg:95", "jpeg:90", "jpeg:85", "jpeg:80")
WIDE = ("png", "jpeg:98", *PAPER[1:], "jpeg:70", "jpeg:60", "jpeg:40", "jpeg:20")


@dataclass(frozen=True)
class Noise:
    """How both arms of a pair are trained.

    Args:
        suffix: of the runs' names.
        steps: the noise's least and largest width, in steps of the quantizer.
        start: suffix of the baseline that both arms go on from, or None for no training before.
        more: further words of the recipe.
        proposed: further words for the proposed arm alone.
        baseline: suffix of the baseline, if another than of the proposed arm.
    """

    suffix: str
    steps: tuple[int, int]
    start: str | None = None
    more: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()
    baseline: str | None = None

    @property
    def anchor(self) -> str:
        """Suffix of the baseline."""
        return self.suffix if self.baseline is None else self.baseline


SHORT = ("train.epochs=10", "train.learning_rate=5e-4")
# In the baseline all three tasks weigh 0.5.
SEGMENTATION = "loss.tasks.segmentation.pressure=1"
RECONSTRUCTION = "loss.tasks.reconstruction.pressure="
BITS = "loss.compressibility.form=bits"
WEIGHTS = (SEGMENTATION, RECONSTRUCTION + "0.85")
NOISES = {
    "plain": Noise("", (1, 1)),
    "16": Noise("-c16", (1, 16)),
    "16-reconstruction": Noise("-c16r", (1, 16), more=(RECONSTRUCTION + "1",)),
    "16-reconstruction12": Noise(
        "-c16w", (1, 16), proposed=(RECONSTRUCTION + "0.6",), baseline="-c16"
    ),
    "16-on": Noise("-on", (1, 16), "-c16", SHORT),
    "32": Noise("-c32", (4, 32)),
    "32-weights14": Noise(
        "-c32w", (4, 32), proposed=(SEGMENTATION, RECONSTRUCTION + "0.7"), baseline="-c32"
    ),
    "32-weights17": Noise("-c32v", (4, 32), proposed=WEIGHTS, baseline="-c32"),
    "32-both": Noise("-c32v", (4, 32), more=WEIGHTS, baseline="-c32vb"),
    "32-bits": Noise("-c32b", (4, 32), proposed=(BITS,), baseline="-c32"),
    "32-on": Noise("-on32", (4, 32), "-c32", ("train.epochs=10",)),
    "32-on-bits": Noise(
        "-on32b", (4, 32), "-c32", ("train.epochs=10",), proposed=(BITS,), baseline="-on32"
    ),
    "64": Noise("-c64", (8, 64)),
}
# (cut, seed, noise, pressures)
PAIRS = (
    ("stride8", 0, "plain", (0.003, 0.01, 0.03)),
    ("stride8", 0, "16", (0.01, 0.02, 0.03, 0.1)),
    ("stride8", 0, "16-reconstruction12", (0.01,)),
    ("stride8", 1, "16", (0.01, 0.02)),
    ("stride8", 1, "16-reconstruction12", (0.01,)),
    ("stride8", 2, "16", (0.01,)),
    ("stride8", 0, "16-reconstruction", (0.03,)),
    ("stride8", 0, "16-on", (0.01, 0.03)),
    ("stride8", 0, "32", (0.03, 0.1)),
    ("stride8", 0, "32-weights14", (0.1,)),
    ("stride8", 0, "32-weights17", (0.1,)),
    ("stride8", 0, "32-both", (0.1,)),
    ("stride8", 1, "32", (0.1,)),
    ("stride8", 1, "32-weights14", (0.1,)),
    ("stride8", 1, "32-weights17", (0.1,)),
    ("stride8", 1, "32-both", (0.1,)),
    ("stride8", 2, "32-weights17", (0.1,)),
    ("stride8", 0, "32-on", (0.1,)),
    ("stride8", 1, "32-on", (0.1,)),
    ("stride8", 0, "32-bits", (0.1, 0.3)),
    ("stride8", 0, "32-on-bits", (0.1, 0.3)),
    ("stride8", 1, "32-on-bits", (0.1,)),
    ("stride8", 0, "64", (0.1, 0.3)),
    ("stride16", 0, "plain", (0.003, 0.01, 0.03)),
    ("stride16", 0, "16", (0.01, 0.02)),
    ("stride16", 0, "32", (0.1,)),
)


def trained(
    arguments: argparse.Namespace, cut: str, seed: int, noise: Noise, pressure: float | None
) -> Curve:
    """Train and measure one arm, unless that was done, and return its curve."""
    arm = "baseline" if pressure is None else "proposed"
    place = arguments.runs / cut / str(seed)
    name = f"baseline{noise.anchor}" if pressure is None else f"p{pressure:g}{noise.suffix}"
    run = place / name
    if not (run / "test" / "points.csv").exists():
        words = [f"network.cut={cut}", f"train.seed={seed}", f"train.arm={arm}", *noise.more]
        words.append(f"train.coarse={list(noise.steps)}")
        if pressure is not None:
            words += [*noise.proposed, f"loss.compressibility.pressure={pressure:g}"]
        if noise.start is not None:
            words.append(f"train.start={place / f'baseline{noise.start}'}")
        quick = ("machine.threads=1", "train.validate_epochs=20")
        data = f"data.root={arguments.runs / 'train'}"
        cofeat("train", "recipes/quick.yaml", data, *quick, *words, "-o", str(run))
        test = ("--data", str(arguments.runs / "test"), "-o", str(run / "test"))
        cofeat("eval", str(run), *test, "--pictures", "", "--codecs", ",".join(WIDE))
    return load_curve(run / "test" / f"{arm}.json")


def cofeat(*words: str) -> None:
    """Run a command of cofeat."""
    subprocess.run([sys.executable, "-m", "cofeat", *words], check=True)


def rows(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield what each pair showed; a baseline that several share, once."""
    told = set()
    for cut, seed, name, pressures in PAIRS:
        noise = NOISES[name]
        baseline = trained(arguments, cut, seed, noise, None)
        anchor = (cut, seed, noise.anchor)
        for pressure in pressures if anchor in told else (None, *pressures):
            curve = baseline if pressure is None else trained(arguments, cut, seed, noise, pressure)
            told.add(anchor)
            row: dict[str, Any] = {"cut": cut, "seed": seed, "noise": name, "pressure": pressure}
            row |= {"steps": noise.steps, "points": {"codec": curve.codecs, **curve.columns}}
            row["commit"] = curve.provenance.get("commit")
            if pressure is not None:
                row["bd"] = {
                    points: [
                        rate(select_codecs(baseline, codecs), select_codecs(curve, codecs), measure)
                        for measure in MEASURES
                    ]
                    for points, codecs in (("paper", PAPER), ("wide", WIDE))
                }
            yield row


def rate(anchor: Curve, test: Curve, measure: str) -> dict[str, Any]:
    """Return a BD-rate, and whether all of a curve is above the other where there is none."""
    found = bd_rate(anchor, test, "bpp", measure, "pchip").to_json()
    ours, theirs = test.columns[measure], anchor.columns[measure]
    whole = "better" if min(ours) > max(theirs) else "worse" if max(ours) < min(theirs) else None
    kept = ("measure", "bd_rate_percent", "interval_percent", "overlap")
    return {**{key: found[key] for key in kept}, "all": whole}


def main() -> None:
    """Train, measure and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/paper-claim"))
    parser.add_argument("-o", "--out", type=Path, default=Path("results/paper-claim.json"))
    arguments = parser.parse_args()
    for folder, train, val, seed in (("train", 700, 150, 1), ("test", 1, 200, 2)):
        split = ("--train", str(train), "--val", str(val), "--seed", str(seed))
        cofeat("data", "streets", str(arguments.runs / folder), *split, "--size", "128x64")
    found = list(rows(arguments))
    about = {**provenance(seed=None), "command": "tools/paper_claim.py"}
    write_text(arguments.out, json.dumps({"provenance": about, "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
