"""What a run's curves say in words: features against features, features against the picture.

Every sentence is computed from the points; none interpolates beyond them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cofeat.evaluation.points import Curve

# "Almost as good" is a loss of 1 % of the uncoded network's measure.
TOLERANCE = 0.01
PICTURE_PREFIX = "cloud-"
UNCODED = "mobile"
SHORT_MEASURES = {"miou": "mIoU", "irmse": "1/RMSE", "psnr_db": "PSNR"}
_PICTURE_FORMATS = {"jpeg": "JPEG", "webp": "WebP", "avif": "AVIF", "png": "PNG"}


@dataclass(frozen=True)
class Need:
    """The bytes a picture that a curve needs to reach a measure."""

    curve: str
    bytes: float
    """Mean bytes, NaN where the curve does not reach the target."""
    is_bound: bool
    """True where the curve's cheapest point is already at or above the target: fewer may do."""
    best: float
    """The highest measure of the curve, NaN for a curve without a point."""

    @property
    def is_reached(self) -> bool:
        """Whether any point of the curve is at or above the target."""
        return not math.isnan(self.bytes)


@dataclass(frozen=True)
class PictureComparison:
    """The cheapest features against the cheapest coded picture, at one accuracy."""

    measure: str
    target: float
    is_uncoded: bool
    """True where the target is the uncoded network's measure less ``TOLERANCE``."""
    features: Need
    picture: Need

    @property
    def ratio(self) -> float:
        """Bytes of the features over bytes of the picture; above 1 the picture is cheaper."""
        return self.features.bytes / self.picture.bytes

    @property
    def is_open(self) -> bool:
        """Whether the dearer way might need fewer bytes still, so that nobody has won yet."""
        return (self.features if self.ratio >= 1 else self.picture).is_bound


def efficient_points(rates: Sequence[float], values: Sequence[float]) -> list[int]:
    """Return the indices of the points that no cheaper point equals or beats, cheapest first.

    Args:
        rates: bytes or bits of each point.
        values: measure of each point, higher is better; points that are not finite are left out.
    """
    known = [i for i in range(len(rates)) if math.isfinite(rates[i] + values[i])]
    kept: list[int] = []
    for i in sorted(known, key=lambda i: (rates[i], -values[i])):
        if not kept or values[i] > values[kept[-1]]:
            kept.append(i)
    return kept


def bytes_to_reach(curve: Curve, measure: str, target: float) -> Need:
    """Interpolate log bytes linearly over the measure, between neighbouring efficient points.

    Args:
        curve: with the columns ``mean_bytes`` and ``measure``.
        measure: column of the measure.
        target: in the unit of the measure.
    """
    empty = (math.nan,) * len(curve.codecs)
    rates = curve.columns.get("mean_bytes", empty)
    values = curve.columns.get(measure, empty)
    points = [i for i in efficient_points(rates, values) if rates[i] > 0]
    best = values[points[-1]] if points else math.nan
    if not points or best < target:
        return Need(curve.name, math.nan, False, best)
    if values[points[0]] >= target:
        return Need(curve.name, rates[points[0]], values[points[0]] > target, best)
    above = next(k for k, i in enumerate(points) if values[i] >= target)
    low, high = points[above - 1], points[above]
    share = (target - values[low]) / (values[high] - values[low])
    log_bytes = (1 - share) * math.log(rates[low]) + share * math.log(rates[high])
    return Need(curve.name, math.exp(log_bytes), False, best)


def is_picture(name: str) -> bool:
    """Whether a curve of that name sends the coded picture (cloud only)."""
    return name.startswith(PICTURE_PREFIX)


def feature_curves(curves: Mapping[str, Curve]) -> list[Curve]:
    """Return the curves that send features, in order."""
    return [c for c in curves.values() if not is_picture(c.name) and c.name != UNCODED]


def arm_curves(curves: Mapping[str, Curve]) -> list[Curve]:
    """Return the paper's two arms where both are there, else all curves that send features."""
    found = feature_curves(curves)
    arms = [curve for curve in found if curve.name in ("baseline", "proposed")]
    return arms if len(arms) == 2 else found


def picture_curves(curves: Mapping[str, Curve]) -> list[Curve]:
    """Return the curves that send the coded picture, in order."""
    return [c for c in curves.values() if is_picture(c.name)]


def curve_label(name: str) -> str:
    """Return the name of a curve for people, e.g. ``"picture as WebP"``."""
    if name == UNCODED:
        return "uncoded network"
    if is_picture(name):
        return f"picture as {picture_format(name)}"
    return f"features, {name}"


def picture_format(name: str) -> str:
    """Return the file format of a cloud-only curve, e.g. ``"WebP"`` of ``"cloud-webp"``."""
    form = name.removeprefix(PICTURE_PREFIX)
    return _PICTURE_FORMATS.get(form, form)


def short_measure(measure: str) -> str:
    """Return a measure's name for running text, without its unit."""
    return SHORT_MEASURES.get(measure, measure)


def uncoded_measure(curves: Mapping[str, Curve], measure: str) -> float:
    """Return the measure of the uncoded network, NaN where it was not measured."""
    column = curves[UNCODED].columns.get(measure, ()) if UNCODED in curves else ()
    return column[0] if column else math.nan


def target_measure(curves: Mapping[str, Curve], measure: str) -> float:
    """Return the uncoded network's measure less ``TOLERANCE`` of its size."""
    uncoded = uncoded_measure(curves, measure)
    return uncoded - TOLERANCE * abs(uncoded)


def compare_with_picture(curves: Mapping[str, Curve], measure: str) -> PictureComparison | None:
    """Compare at the uncoded measure less 1 %, or at the best that both ways reach.

    Returns:
        None where one of the two ways has no point with this measure.
    """
    sides = (feature_curves(curves), picture_curves(curves))
    highest = [_highest([bytes_to_reach(c, measure, -math.inf).best for c in s]) for s in sides]
    if any(math.isnan(value) for value in highest):
        return None
    wanted = target_measure(curves, measure)
    reachable = min(highest)
    is_uncoded = wanted <= reachable  # False for NaN, too
    target = wanted if is_uncoded else reachable
    features, picture = (
        min(
            (need for need in (bytes_to_reach(c, measure, target) for c in s) if need.is_reached),
            key=lambda need: need.bytes,
        )
        for s in sides
    )
    return PictureComparison(measure, target, is_uncoded, features, picture)


def _highest(values: Sequence[float]) -> float:
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def describe_comparison(comparison: PictureComparison) -> str:
    """Say a comparison in one sentence."""
    measure = short_measure(comparison.measure)
    where = (
        f"To stay within 1\u00a0% of the uncoded network's {measure}"
        if comparison.is_uncoded
        else f"At the best {measure} that both ways reach ({comparison.target:.3g})"
    )
    features, picture = comparison.features, comparison.picture
    costs = (
        f"{where}, the cheapest features ({features.curve}) need {_bytes(features)} a picture, "
        f"the picture as {picture_format(picture.curve)} {_bytes(picture)}"
    )
    return f"{costs}: {_times(comparison)}."


def _bytes(need: Need) -> str:
    return f"{'at most ' if need.is_bound else ''}{need.bytes:,.0f} bytes"


def _times(comparison: PictureComparison) -> str:
    """Say which way is cheaper, and how far a bound lets us know."""
    ratio = comparison.ratio
    cheaper, factor = ("picture", ratio) if ratio >= 1 else ("features", 1 / ratio)
    winner = comparison.picture if ratio >= 1 else comparison.features
    if comparison.is_open:
        # It might get there with fewer bytes still, so neither factor nor winner is known.
        return "which is cheaper is open, as no cheaper point was measured"
    bound = "at least " if winner.is_bound else ""
    if not bound and round(factor, 1) == 1.0:
        return "about the same"
    return f"the {cheaper} needs {bound}{factor:.1f} times fewer".replace(
        "features needs", "features need"
    )


def factor(comparison: PictureComparison) -> str:
    """Return how the features' bytes compare with the picture's, e.g. ``"5.0× more"``."""
    if comparison.is_open:
        return "open"
    ratio = comparison.ratio
    size = max(ratio, 1 / ratio)
    if round(size, 1) == 1.0:
        return "equal"
    winner = comparison.picture if ratio > 1 else comparison.features
    return f"{'≥ ' if winner.is_bound else ''}{size:.1f}× {'more' if ratio > 1 else 'fewer'}"


def describe_verdict(comparisons: Sequence[PictureComparison]) -> str:
    """Answer "is it better than sending a JPEG?" for all tasks in one sentence, or ``""``."""
    if not comparisons:
        return ""
    measures = [
        short_measure(c.measure) for c in comparisons if not c.is_open and round(c.ratio, 1) < 1
    ]
    count = len(comparisons)
    if not measures:
        tasks = "the one task" if count == 1 else f"any of the {count} tasks"
        if any(c.is_open for c in comparisons):
            return f"Not shown for {tasks}: cheaper points would have to be measured."
        return (
            f"No, not in {tasks}: a coded picture gives the same accuracy "
            "for fewer bytes, or about as many."
        )
    if len(measures) == count:
        tasks = "in the one task" if count == 1 else f"in all {count} tasks"
        return f"Yes, {tasks}: features give the same accuracy for fewer bytes."
    return (
        f"In part: features give the same accuracy for fewer bytes in {len(measures)} of "
        f"{count} tasks ({', '.join(measures)})."
    )


def describe_bd(row: Mapping[str, object]) -> str:
    """Say one BD-rate of two curves in one clause, e.g. "23.0 % fewer bytes (95 % ...)".

    Args:
        row: the fields of a ``BdResult``.
    """
    percent = number(row.get("bd_rate_percent"))
    measure = short_measure(str(row.get("measure")))
    if math.isnan(percent):
        return f"at equal {measure} no figure can be given (see the notes below)"
    size = f"{abs(percent):.1f}\u00a0% {'fewer' if percent < 0 else 'more'} bytes"
    interval = interval_of(row)
    if interval is None:
        return f"at equal {measure} {size} (no interval)"
    low, high = interval
    doubt = ", which may be no difference at all" if low <= 0 <= high else ""
    span = f"{signed(low)} to {signed(high)}\u00a0%"
    return f"at equal {measure} {size} (95\u00a0% interval {span}{doubt})"


def interval_of(row: Mapping[str, object]) -> tuple[float, float] | None:
    """Return the 95 % interval of a BD row in percent, None where there is none."""
    pair = row.get("interval_percent")
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return None
    low, high = number(pair[0]), number(pair[1])
    return None if math.isnan(low + high) else (low, high)


def number(value: object) -> float:
    """Return a JSON number as float, and NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value)


def signed(value: float, digits: int = 1) -> str:
    """Format with a sign, U+2212 for minus; zero has none."""
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return f"{'−' if value < 0 else '+'}{text}"
