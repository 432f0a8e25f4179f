"""Features against the coded picture, of one network: its folder in results/ and what is asked."""

from __future__ import annotations

import numpy as np
from common import MEASURES, RESULTS, bd_cells, joined, point, table

from cofeat.evaluation.points import Curve, load_curve
from cofeat.evaluation.resampling import (
    Float64Array,
    draw_counts,
    resampled_measure,
    resampled_rates,
)
from cofeat.tasks import load_task

# What is asked of the accuracy: these parts of the uncompressed network's, in both measures.
KEPT = (0.99, 0.98, 0.97, 0.95)
DECIDING = ("miou", "irmse")
# How often the images are drawn anew, to tell how much of a share is these images' luck.
DRAWS = 1000


class Study:
    """What was measured of a network.

    Args:
        name: of the folder in ``results/``, a folder in it for each thing that was measured.
        pictures: how the folders begin that hold coded pictures and the uncompressed network.
    """

    def __init__(self, name: str, pictures: str = "pictures") -> None:
        self._folder = RESULTS / name
        self._pictures = pictures

    def curve(self, folder: str, name: str) -> Curve:
        """Return a measured curve."""
        return load_curve(self._folder / folder / f"{name}.json")

    def has(self, folder: str) -> bool:
        """Tell whether something was measured under that name."""
        return (self._folder / folder).is_dir()

    def rate(self) -> Curve:
        """Return the curve of the learned bottleneck's features."""
        return self.curve("rate", "rate")

    def pictures(self) -> dict[str, Curve]:
        """Return the curves of coded pictures, by the format's name as people write it."""
        names = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF"}
        return {
            name: joined([
                load_curve(file)
                for file in sorted(self._folder.glob(f"{self._pictures}*/cloud-{kind}.json"))
            ])
            for kind, name in names.items()
        }  # fmt: skip

    def whole(self) -> Curve:
        """Return the one point of the picture's network, fed with uncoded pictures."""
        return self.curve(self._pictures, "mobile")

    def uncompressed(self) -> dict[str, float]:
        """Return the measures of the uncompressed network that was trained the longest."""
        return point(self.whole(), 0)

    def ways(self) -> dict[str, Curve]:
        """Return what may be sent, by name: features, and the picture in each format."""
        pictures = {f"the picture, {name}": of for name, of in self.pictures().items()}
        return {"features, learned bottleneck": self.rate(), **pictures}

    def deciding_table(self) -> str:
        """Return the fewest bytes that keep the accuracy, one row a way."""
        whole = self.uncompressed()
        rows = [
            [name, *(fewest(of, {m: kept * whole[m] for m in DECIDING}) for kept in KEPT)]
            for name, of in self.ways().items()
        ]
        both = " and ".join(MEASURES[measure] for measure in DECIDING)
        losses = [f"{100 * (1 - kept):.0f} % less" for kept in KEPT]
        head = [f"{both} of the uncompressed network, or so much less: bytes a picture", *losses]
        return table(head, rows)

    def share_table(self) -> str:
        """Return the features' bytes over the best picture's, and over draws of the images."""
        whole = self.whole()
        pictures = joined(list(self.pictures().values()))
        counts = draw_counts(len(whole.per_image.names), DRAWS, seed=0)
        once = np.ones((1, counts.shape[1]))
        rows = []
        for kept in KEPT:
            [share], shares = (
                fewest_of_draws(self.rate(), whole, kept, drawn)
                / fewest_of_draws(pictures, whole, kept, drawn)
                for drawn in (once, counts)
            )
            low, high = np.quantile(shares, (0.025, 0.975), method="nearest")
            rows.append([
                f"{100 * (1 - kept):.0f} % less",
                *(_share(value) for value in (share, low, high)),
                f"{100 * np.mean(shares <= 0.5):.0f} %",
            ])  # fmt: skip
        head = ["loss in both", "features' bytes of the best picture's", "2.5 % of draws below"]
        return table([*head, "2.5 % above", "draws with at most half"], rows)

    def each_table(self) -> str:
        """Return the fewest bytes for one measure alone, at the least loss that is asked for."""
        whole = self.uncompressed()
        rows = [
            [name, *(fewest(of, {measure: KEPT[0] * whole[measure]}) for measure in MEASURES)]
            for name, of in self.ways().items()
        ]
        share = f"{100 * (1 - KEPT[0]):.0f} %"
        return table([f"within {share}, bytes a picture", *MEASURES.values()], rows)

    def versus_table(self) -> str:
        """Return the features' bytes against each picture format's at equal accuracy."""
        rows = [
            [f"features against {name} of the picture", *bd_cells(of, self.rate(), "mean_bytes")]
            for name, of in self.pictures().items()
        ]
        return table(["BD-rate, bytes", *MEASURES.values()], rows)


def fewest(of: Curve, least: dict[str, float]) -> str:
    """Return the smallest measured setting that keeps all measures."""
    columns = of.columns
    fitting = [
        index
        for index in range(len(of.codecs))
        if all(columns[measure][index] >= value for measure, value in least.items())
    ]
    if not fitting:
        return "not reached"
    best = min(fitting, key=lambda index: columns["mean_bytes"][index])
    return f"{columns['mean_bytes'][best]:,.0f} ({of.codecs[best]})"


def fewest_of_draws(of: Curve, whole: Curve, kept: float, counts: Float64Array) -> Float64Array:
    """Return the fewest bytes of draws of the images (R,) that keep so much, infinite if none do.

    Args:
        of: a way of sending.
        whole: the uncompressed network; its one point is drawn as the others are.
        kept: part of its deciding measures.
        counts: how often each image is in each draw, (R, N).
    """
    fitting = np.ones((len(counts), len(of.codecs)), bool)
    for task in of.tasks:
        if load_task(task).measure in DECIDING:
            own, others = (resampled_measure(way.per_image, task, counts) for way in (of, whole))
            fitting &= own >= kept * others
    sent = resampled_rates(of.per_image, "mean_bytes", counts)
    return np.where(fitting, sent, np.inf).min(axis=1)


def _share(value: float) -> str:
    """Return a share as a cell."""
    return f"{100 * value:.0f} %" if np.isfinite(value) else "not reached"
