"""The paper's two encoders at a scale that a CPU carries."""

from __future__ import annotations

from study import Study

STUDY = Study("small-encoders/encoder2")
STUDIES = {"Encoder1": Study("small-encoders/encoder1"), "Encoder2": STUDY}
