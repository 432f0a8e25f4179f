"""Features against the coded picture, of one network: its folder in results/ and what is asked."""

from __future__ import annotations

from common import MEASURES, RESULTS, bd_cells, joined, point, table

from cofeat.evaluation.points import Curve, load_curve

# What is asked of the accuracy: these parts of the uncompressed network's, in both measures.
KEPT = (0.99, 0.98, 0.97, 0.95)
DECIDING = ("miou", "irmse")


class Study:
    """What was measured of a network.

    Args:
        name: of the folder in ``results/``, a folder in it for each thing that was measured.
    """

    def __init__(self, name: str) -> None:
        self._folder = RESULTS / name

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
                for file in sorted(self._folder.glob(f"pictures*/cloud-{kind}.json"))
            ])
            for kind, name in names.items()
        }  # fmt: skip

    def uncompressed(self) -> dict[str, float]:
        """Return the measures of the uncompressed network that was trained the longest."""
        return point(self.curve("pictures", "mobile"), 0)

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
