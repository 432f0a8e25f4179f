"""What do lossy codecs cost for equal accuracy of the tasks?

    python benchmarks/lossy.py RUN/ARM [--images N] [--plot curves.svg]

The checkpoint's features of validation images go through every codec at several settings and on
through its heads. Printed are the points, and for each codec the BD-rate (monotone interpolation)
against JPEG 95, 90, 85 and 80 for each task. `cofeat fit` first, and codec cofeat has its tables.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cofeat.cli import trained_on
from cofeat.cli.eval import print_points
from cofeat.errors import CofeatError
from cofeat.evaluation.bd import bd_rate
from cofeat.evaluation.points import Curve
from cofeat.evaluation.sweep import Sweep
from cofeat.network.build import load_network
from cofeat.tasks import load_task

SWEEPS = {
    "jpeg": "jpeg:95 jpeg:90 jpeg:85 jpeg:80",
    "cofeat-lossy": " ".join(f"cofeat-lossy:{setting}" for setting in range(2, 17, 2)),
    "webp": "webp:100 webp:98 webp:95 webp:90 webp:75 webp:50",
    "avif": "avif:95 avif:90 avif:80 avif:70 avif:60 avif:50",
    "jpegls-near": "jpegls-near:1 jpegls-near:2 jpegls-near:4 jpegls-near:8 jpegls-near:16",
    "hevc": "hevc:4 hevc:8 hevc:12 hevc:18 hevc:24",
    "av1": "av1:4 av1:10 av1:20 av1:30 av1:40",
}
ANCHOR = "jpeg"


def save_plot(curves: list[Curve], path: Path) -> None:
    """Draw all curves, a panel a task."""
    import matplotlib.pyplot as plt

    measures = [load_task(task) for task in curves[0].tasks]
    figure, axes = plt.subplots(1, len(measures), figsize=(5 * len(measures), 4.2))
    for axis, task in zip(axes, measures, strict=True):
        for curve in curves:
            own = curve.name == "cofeat-lossy"
            axis.plot(
                curve.columns["bpfe"],
                curve.columns[task.measure],
                marker="o",
                markersize=4,
                linewidth=2.4 if own else 1.2,
                zorder=3 if own else 2,
                label=curve.name,
            )
        axis.set_xlabel("bits per feature element")
        axis.set_ylabel(task.measure_label)
        axis.grid(alpha=0.3)
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    trained_on.add_arguments(parser)
    parser.add_argument("--images", type=int, help="only the first so many")
    parser.add_argument("--codecs", default=",".join(SWEEPS), help="some of them")
    parser.add_argument("--plot", type=Path, help=".svg, .png or .pdf")
    words = parser.parse_args()
    model = load_network(words.checkpoint)
    sweep = Sweep(model, trained_on.open_trained_on(model, words, "val"), words.images)
    names = [ANCHOR, *(name for name in words.codecs.split(",") if name != ANCHOR)]
    curves = [sweep.coded_features(name, SWEEPS[name].split()) for name in names]
    print_points(curves)
    measures = [load_task(task).measure for task in sweep.tasks]
    print(f"\nBD-rate against JPEG 95 to 80, %, overlap in brackets: {', '.join(measures)}")
    for curve in curves[1:]:
        cells = []
        for measure in measures:
            try:
                result = bd_rate(curves[0], curve, "bpfe", measure, "pchip", 0)
            except CofeatError as error:
                cells.append(str(error))
                continue
            rate = result.bd_rate_percent
            told = "-" if rate is None else f"{rate:+.1f}"
            cells.append(f"{told} ({100 * result.overlap:.0f} %)")
        print(f"{curve.name:14s} {'   '.join(cells)}")
    if words.plot:
        save_plot(curves, words.plot)


if __name__ == "__main__":
    main()
