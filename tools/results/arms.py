"""The paper's arms, with and without L_c: how they were trained, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common import MEASURES, PAPER_POINTS, bd_cells, family, measures, point, table
from study import Study

from cofeat.evaluation.points import Curve, select_codecs

FORMS = {"scale_free": "mean of T", "bits": "bits of T"}
# Folders of a study's results: the baseline, and one with a proposed arm's weights; those of
# proposed arms say form and pressure of L_c, as in ``bits-0.9``.
BASELINE, CONTROL = "baseline", "baseline-weights"
PROPOSED = ("mean", "bits")


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
        for label, curve in proposed:
            for title, points in _sweeps(baseline).items():
                pair = [select_codecs(each, points) for each in (baseline, curve)]
                # How a curve is laid through the points: ours, and the paper's.
                rows += [
                    [encoder, label, title, *bd_cells(*pair)],
                    [encoder, label, f"{title}, cubic", *bd_cells(*pair, method="cubic")],
                ]
    head = ["encoder", "L_c", "PNG and JPEG", *MEASURES.values()]
    return table(head, rows)


def control_table(study: Study, arm: str) -> str:
    """Return what of a proposed arm's gain is L_c's, and what its task weights'.

    Args:
        study: with a baseline of those weights.
        arm: the proposed arm's folder.
    """
    baseline, control = (
        family(study.curve(name, BASELINE), "png", "jpeg") for name in (BASELINE, CONTROL)
    )
    proposed = family(study.curve(arm, "proposed"), "png", "jpeg")
    rows = []
    for title, points in _sweeps(baseline).items():
        before, weighted, after = (
            select_codecs(curve, points) for curve in (baseline, control, proposed)
        )
        rows += [
            ["the weights alone, against the baseline", title, *bd_cells(before, weighted)],
            ["L_c, against a baseline of its weights", title, *bd_cells(weighted, after)],
        ]
    return table(["what is compared", "PNG and JPEG", *MEASURES.values()], rows)


def _sweeps(baseline: Curve) -> dict[str, Sequence[str]]:
    """Return the points that arms are compared over: the wide sweep, if measured, the paper's."""
    wide = {"98 to 20": baseline.codecs} if len(baseline.codecs) > len(PAPER_POINTS) else {}
    return {**wide, "95 to 80": PAPER_POINTS}


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
    names = [name for name in study.folders() if name.partition("-")[0] in PROPOSED]
    return [
        study.curve(BASELINE, BASELINE),
        *(study.curve(name, "proposed") for name in sorted(names, key=_form_and_pressure)),
    ]


def _form_and_pressure(name: str) -> tuple[int, float]:
    """Return what proposed arms are ordered by, of a folder's name."""
    form, _, pressure = name.partition("-")
    return PROPOSED.index(form), float(pressure)


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
