"""The paper's two encoders at a scale that a CPU carries."""

from __future__ import annotations

import arms
from common import family
from study import Study

STUDY = Study("small-encoders/encoder2")
STUDIES = {"Encoder1": Study("small-encoders/encoder1"), "Encoder2": STUDY}
AGAIN = Study("encoder2-again")
LATE = Study("encoder2-again/late")
LONG = Study("encoder2-again/long")
# The pair again: on from the better network, and of Encoder1.
LATER = {
    "Encoder2": Study("encoder2-again/later"),
    "Encoder1": Study("encoder2-again/encoder1"),
}
# Three epochs more of each of these.
LONGER = {
    "Encoder2": Study("encoder2-again/longer"),
    "Encoder1": Study("encoder2-again/encoder1-longer"),
}
# Encoder2's over the paper's points on other scenes: those that weights were chosen on, and many.
AGAIN_CHOICE = Study("encoder2-again/choice")
LATER_CHOICE = Study("encoder2-again/later/choice")
LONGER_CHOICE = Study("encoder2-again/longer/choice")
MANY = Study("encoder2-again/longer/many")
# Encoder1's with noise of one step, begun with wider noise and without.
FINE = Study("encoder2-again/encoder1-fine")
FINE_BOTH = {
    "Encoder1": FINE,
    "Encoder1, begun without": Study("encoder2-again/encoder1-anew"),
}
FINE_CHOICE = Study("encoder2-again/encoder1-fine/choice")
FINE_MANY = Study("encoder2-again/encoder1-fine/many")
# The arms that have a baseline of their weights.
WEIGHTED, WEIGHTED_LONGER, WEIGHTED_FINE = "bits-0.35", "bits-0.42", "bits-0.04"
DEEP = Study("encoder2-again/deep")
CONTROL = Study("encoder2-again/deep", pictures="control")
# Folders of proposed arms: the paper's loss made scale-free, and ours.
PAPER, BITS = "mean-0.1", "bits-0.9"


def beyond_table() -> str:
    """Return our ways against the paper's proposed arm, of Encoder2."""
    paper, bits = (family(STUDY.curve(arm, "proposed"), "png", "jpeg") for arm in (PAPER, BITS))
    ways = {
        f"L_c as {arms.loss_label(bits)}; PNG and JPEG": bits,
        "learned bottleneck, `cofeat-learned`": STUDY.rate(),
    }
    return arms.beyond_table(paper, ways)
