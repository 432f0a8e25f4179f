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

    def folders(self) -> list[str]:
        """Return the names under which something was measured."""
        return [path.name for path in self._folder.iterdir()]

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
        images = len(whole.per_image.names)
        # The images as they are come first.
        counts = np.vstack([np.ones(images), draw_counts(images, DRAWS, seed=0)])
        pictures = joined(list(self.pictures().values()))
        uncoded, features, coded = (Drawn(of, counts) for of in (whole, self.rate(), pictures))
        rows = []
        for kept in KEPT:
            sent = features.fewest(uncoded, kept)
            share, *shares = sent / coded.fewest(uncoded, kept)
            low, high = np.quantile(shares, (0.025, 0.975), method="nearest")
            rows.append([
                f"{100 * (1 - kept):.0f} % less",
                *(_share(value) for value in (share, low, high)),
                f"{100 * np.mean(np.isfinite(sent[1:])):.0f} %",
                f"{100 * np.mean(np.array(shares) <= 0.5):.0f} %",
            ])  # fmt: skip
        head = ["loss in both", "features' bytes of the best picture's", "2.5 % of draws below"]
        return table([*head, "2.5 % above", "draws that keep it", "at most half"], rows)

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


class Drawn:
    """A way of sending, measured on draws of the images.

    Args:
        of: the way, of P points.
        counts: how often each image is in each draw, (R, N).
    """

    def __init__(self, of: Curve, counts: Float64Array) -> None:
        self._bytes = resampled_rates(of.per_image, "mean_bytes", counts)
        tasks = [task for task in of.tasks if load_task(task).measure in DECIDING]
        self._measures = np.stack([
            resampled_measure(of.per_image, task, counts) for task in tasks
        ])  # fmt: skip

    def fewest(self, whole: Drawn, kept: float) -> Float64Array:
        """Return the fewest bytes (R,) that keep so much of all measures, infinite if none do.

        Args:
            whole: the one point of the uncompressed network.
            kept: part of its measures.
        """
        fitting = np.all(self._measures >= kept * whole._measures, axis=0)
        return np.where(fitting, self._bytes, np.inf).min(axis=1)


def _share(value: float) -> str:
    """Return a share as a cell."""
    return f"{100 * value:.0f} %" if np.isfinite(value) else "not reached"
