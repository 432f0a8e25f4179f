"""Rebuild every table and plot of README and docs that stands on a JSON in ``results/``.

``make results`` writes them; ``--check`` writes nothing and fails where a text and its JSON differ.
A table stands between ``<!-- results: NAME -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import claim
import encoders
import mobile
import photographs
import transform
from arms import control_table, curves_by_loss, pair_table, points_table
from common import ROOT
from plot import plot, plot_arms

TEXTS = (
    ROOT / "README.md",
    ROOT / "docs" / "results" / "streets-mobile.md",
    ROOT / "docs" / "results" / "paper-claim.md",
    ROOT / "docs" / "results" / "small-encoders.md",
    ROOT / "docs" / "results" / "paper-claim-longer.md",
    ROOT / "docs" / "results" / "encoder2-again.md",
    ROOT / "docs" / "decisions" / "feature-codec.md",
)
_BLOCK = re.compile(r"(<!-- results: ([a-z-]+) -->\n).*?(<!-- end -->)", re.S)
BLOCKS: dict[str, Callable[[], str]] = {
    "mobile-points": lambda: points_table(mobile.STUDIES),
    "mobile-pair": lambda: pair_table(mobile.STUDIES),
    "mobile-control": lambda: control_table(mobile.STUDY, mobile.BITS),
    "beyond": mobile.beyond_table,
    "codec": mobile.codec_table,
    "points": mobile.points_table,
    "deciding": mobile.STUDY.deciding_table,
    "share": mobile.STUDY.share_table,
    "each": mobile.STUDY.each_table,
    "versus": mobile.STUDY.versus_table,
    "origin": mobile.origin_line,
    "transform": transform.transform_table,
    "transform-points": transform.transform_points_table,
    "photographs": photographs.photographs_table,
    "claim": claim.claim_table,
    "claim-reached": claim.reached_table,
    "claim-origin": claim.origin_line,
    "encoder-points": lambda: points_table(encoders.STUDIES),
    "encoder-pair": lambda: pair_table(encoders.STUDIES),
    "encoder-beyond": encoders.beyond_table,
    "encoder-deciding": encoders.STUDY.deciding_table,
    "encoder-each": encoders.STUDY.each_table,
    "encoder-versus": encoders.STUDY.versus_table,
    "again-points": lambda: points_table({"Encoder2 again": encoders.AGAIN}),
    "again-pair": lambda: pair_table({"Encoder2 again": encoders.AGAIN}),
    "again-choice": lambda: pair_table({"Encoder2 again": encoders.AGAIN_CHOICE}),
    "again-deciding": encoders.AGAIN.deciding_table,
    "later-points": lambda: points_table(encoders.LATER),
    "later-pair": lambda: pair_table(encoders.LATER),
    "later-choice": lambda: pair_table({"Encoder2": encoders.LATER_CHOICE}),
    "later-control": lambda: control_table(encoders.LATER["Encoder2"], encoders.WEIGHTED),
    "longer-points": lambda: points_table(encoders.LONGER),
    "longer-pair": lambda: pair_table(encoders.LONGER),
    "longer-choice": lambda: pair_table({"Encoder2": encoders.LONGER_CHOICE}),
    "longer-control": lambda: control_table(encoders.LONGER["Encoder2"], encoders.WEIGHTED_LONGER),
    "many-pair": lambda: pair_table({"Encoder2": encoders.MANY}),
    "many-control": lambda: control_table(encoders.MANY, encoders.WEIGHTED_LONGER),
    "fine-points": lambda: points_table(encoders.FINE_BOTH),
    "fine-pair": lambda: pair_table(encoders.FINE_BOTH),
    "fine-choice": lambda: pair_table({"Encoder1": encoders.FINE_CHOICE}),
    "fine-many": lambda: pair_table({"Encoder1": encoders.FINE_MANY}),
    "fine-control": lambda: control_table(encoders.FINE, encoders.WEIGHTED_FINE),
    "fine-many-control": lambda: control_table(encoders.FINE_MANY, encoders.WEIGHTED_FINE),
    "late-deciding": encoders.LATE.deciding_table,
    "late-each": encoders.LATE.each_table,
    "late-versus": encoders.LATE.versus_table,
    "long-deciding": encoders.LONG.deciding_table,
    "long-each": encoders.LONG.each_table,
    "long-versus": encoders.LONG.versus_table,
    "deep-deciding": encoders.DEEP.deciding_table,
    "deep-share": encoders.DEEP.share_table,
    "deep-control": encoders.CONTROL.deciding_table,
    "deep-control-share": encoders.CONTROL.share_table,
    "deep-each": encoders.DEEP.each_table,
    "deep-versus": encoders.DEEP.versus_table,
}


def _make(name: str) -> str:
    return BLOCKS[name]()


def _made(names: set[str]) -> dict[str, str]:
    """Return the blocks of these names, on all cores: most resample their images at length."""
    ordered = sorted(names)
    with ProcessPoolExecutor() as pool:
        return dict(zip(ordered, pool.map(_make, ordered), strict=True))


def main() -> int:
    """Rebuild, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail on a difference")
    arguments = parser.parse_args()
    texts = {path: path.read_text(encoding="utf-8") for path in TEXTS}
    made = _made({match[2] for text in texts.values() for match in _BLOCK.finditer(text)})
    status = 0
    for path, text in texts.items():
        new = _BLOCK.sub(lambda match: f"{match[1]}{made[match[2]]}{match[3]}", text)
        if arguments.check:
            if new != text:
                sys.stderr.write(f"{path} differs from results/: run 'make results'\n")
                status = 1
        else:
            path.write_text(new, encoding="utf-8")
    if not arguments.check:
        images = ROOT / "docs" / "images"
        plot(mobile.STUDY, images / "features-against-pictures.png", mobile.paper_ways())
        for study, end in {encoders.STUDY: "", encoders.DEEP: "-deep"}.items():
            plot(study, images / f"features-against-pictures-encoder2{end}.png", {}, least=0.85)
        plot_arms(curves_by_loss(encoders.STUDIES), images / "compressibility.png")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
