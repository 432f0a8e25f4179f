"""The paper's arms, with and without L_c: how they were trained, and what it gives."""

from __future__ import annotations

from typing import Any

from common import MEASURES, PAPER_POINTS, bd_cells, family, measures, point, table
from study import Study

from cofeat.evaluation.points import Curve, select_codecs

FORMS = {"scale_free": "mean of T", "bits": "bits of T"}
# Folders of a study's results: the baseline, and proposed arms by form and pressure of L_c.
BASELINE = "baseline"
PROPOSED = (
    *("mean-0.1", "mean-0.15", "mean-0.3"),
    *("bits-0.1", "bits-0.25", "bits-0.27", "bits-0.3", "bits-0.35", "bits-0.38"),
    *("bits-0.6", "bits-0.9"),
)


def points_table(studies: dict[str, Study]) -> str:
    """Return each arm: how it was trained, what its features cost as PNG and what they keep.

    Args:
        studies: by the encoder's name; so in all of these.
    """
    rows = []
    for encoder, curves in curves_by_loss(studies).items():
        for label, curve in curves.items():
            png = point(select_codecs(curve, ["png"]), 0)
            rows.append([
                encoder, label, _weights(curve), f"{png['mean_bytes']:,.0f}", *measures(png)
            ])  # fmt: skip
    head = ["encoder", "L_c", "weights of the tasks", "bytes, PNG", *MEASURES.values()]
    return table(head, rows)


def pair_table(studies: dict[str, Study]) -> str:
    """Return each proposed arm against its baseline: the wide sweep, the paper's points."""
    rows = []
    for encoder, curves in curves_by_loss(studies).items():
        (_, baseline), *proposed = curves.items()
        # The points, and how a curve is laid through them.
        sweeps = {
            "98 to 20": (baseline.codecs, "pchip"),
            "98 to 20, cubic": (baseline.codecs, "cubic"),
            "95 to 80": (PAPER_POINTS, "pchip"),
            "95 to 80, cubic": (PAPER_POINTS, "cubic"),
        }
        for label, curve in proposed:
            for title, (points, method) in sweeps.items():
                pair = (select_codecs(each, points) for each in (baseline, curve))
                rows.append([encoder, label, title, *bd_cells(*pair, method=method)])
    head = ["encoder", "L_c", "PNG and JPEG", *MEASURES.values()]
    return table(head, rows)


def beyond_table(anchor: Curve, ways: dict[str, Curve]) -> str:
    """Return our ways, by name, against the paper's proposed arm with its PNG and JPEG."""
    rows = [[name, *bd_cells(anchor, way)] for name, way in ways.items()]
    head = f"BD-rate against the proposed arm, L_c as {loss_label(anchor)}, with PNG and JPEG"
    return table([head, *MEASURES.values()], rows)


def curves_by_loss(studies: dict[str, Study]) -> dict[str, dict[str, Curve]]:
    """Return encoder -> L_c -> the curve over PNG and JPEG, the baseline first."""
    return {
        encoder: {loss_label(curve): family(curve, "png", "jpeg") for curve in _measured(study)}
        for encoder, study in studies.items()
    }


def _measured(study: Study) -> list[Curve]:
    """Return the curves of the arms that were measured, the baseline first."""
    proposed = [study.curve(name, "proposed") for name in PROPOSED if study.has(name)]
    return [study.curve(BASELINE, BASELINE), *proposed]


def loss_label(curve: Curve) -> str:
    """Return the form and the pressure of L_c."""
    loss = _recipe(curve)["loss"]["compressibility"]
    if curve.name == BASELINE:
        return "none"
    return f"{FORMS[loss['form']]}, {loss['pressure']:g}"


def _weights(curve: Curve) -> str:
    """Return the pressures of segmentation, disparity and reconstruction."""
    return ", ".join(f"{task['pressure']:g}" for task in _recipe(curve)["loss"]["tasks"].values())


def _recipe(curve: Curve) -> dict[str, Any]:
    trained: Any = curve.provenance["trained"]
    recipe: dict[str, Any] = trained["recipe"]
    return recipe
