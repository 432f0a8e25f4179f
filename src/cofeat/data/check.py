"""Check a folder of Cityscapes' layout: what is missing, mis-sized, mismatched, unreadable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cofeat.data.cityscapes import (
    CITIES,
    IMAGES,
    SPLIT_WITH_DUMMY_LABELS,
    SPLITS,
    TRUTHS,
    Layer,
    find_files,
    has_truths,
    layout_hint,
    read_grey,
    read_header,
)
from cofeat.errors import InvalidInputError
from cofeat.image import format_size, read_image
from cofeat.tasks.segmentation import NUM_LABEL_IDS, VOID, train_ids

# Problems of one kind that the text lists; JSON has all of them.
LISTED = 5
WHERE_FROM = (
    "Cityscapes is to be had after a registration at www.cityscapes-dataset.com: the packages "
    "leftImg8bit_trainvaltest, gtFine_trainvaltest and disparity_trainvaltest"
)


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one file or folder."""

    kind: str
    """``"missing"``, ``"unreadable"``, ``"wrong kind of PNG"``, ``"wrong size"``,
    ``"wrong content"`` or ``"wrong place"``."""
    path: str
    """Relative to the root."""
    message: str


@dataclass(frozen=True)
class SplitReport:
    """What there is of one split."""

    split: str
    images: int
    truths: dict[str, int | None]
    """Task -> number of files; None where the whole folder is absent or holds dummies."""
    cities: int
    sizes: dict[str, int]
    """``"WxH"`` -> number of images."""
    lacking: dict[str, int]
    """City -> images that Cityscapes has beyond these; empty for any other data set. A part of
    Cityscapes can be used as well as the whole, so this is no problem."""


@dataclass(frozen=True)
class CheckReport:
    """What there is of a data set, and what is wrong with it."""

    root: str
    full: bool
    """Whether all pixels were read, not the headers alone."""
    splits: tuple[SplitReport, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return the report as what ``json.dumps`` takes."""
        return {"ok": self.ok, **asdict(self)}

    def to_text(self) -> str:
        """Return the report for people, several lines."""
        return "\n".join((*map(_split_line, self.splits), *_problem_lines(self)))


def check_cityscapes(
    root: str | Path,
    *,
    full: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Check all splits of a data set.

    Args:
        root: the folder that holds ``leftImg8bit``.
        full: read all pixels too, not the headers alone.
        progress: told (done, total) after each image.

    Raises:
        InvalidInputError: there is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise InvalidInputError(f"there is no folder '{root}' to check")
    found = {split: find_files(root, IMAGES, split) for split in SPLITS}
    # A split of which there are only truths is one whose images are missing.
    present = [split for split in SPLITS if found[split] or _any_truth(root, split)]
    total, done = sum(map(len, found.values())), 0
    problems: list[Problem] = []
    if not present:
        pattern = f"{IMAGES.folder}/<split>/<city>/<city>_<sequence>_<frame>{IMAGES.suffix}"
        message = f"there is no {pattern}{layout_hint(root)}"
        problems.append(Problem("missing", IMAGES.folder, message))
    reports = []
    for split in present:
        checker = _SplitChecker(root, split, found[split], full)
        for name in sorted(found[split]):
            checker.check(name)
            done += 1
            if progress:
                progress(done, total)
        checker.finish()
        reports.append(checker.report())
        problems.extend(checker.problems)
    return CheckReport(str(root), full, tuple(reports), tuple(problems))


def _any_truth(root: Path, split: str) -> bool:
    return any(find_files(root, layer, split) for layer in TRUTHS.values())


class _SplitChecker:
    """Gathers what is wrong with one split, image by image."""

    def __init__(self, root: Path, split: str, images: dict[str, Path], full: bool) -> None:
        self.problems: list[Problem] = []
        self._root, self._split, self._full = root, split, full
        self._images = images
        self._truths = {
            task: find_files(root, layer, split) if has_truths(root, task, split) else None
            for task, layer in TRUTHS.items()
        }
        self._sizes: dict[str, tuple[int, int]] = {}

    def check(self, name: str) -> None:
        """Check one image and its truths."""
        path = self._images[name]
        city = path.parent.name
        if name.count("_") != 2 or not name.startswith(f"{city}_"):
            self._add("wrong place", path, f"is not named {city}_<sequence>_<frame>{IMAGES.suffix}")
        size = self._check_file(path, IMAGES)
        if size:
            self._sizes[name] = size
        for task, files in self._truths.items():
            if files is None:
                continue
            layer = TRUTHS[task]
            truth = files.get(name)
            if truth is None:
                wanted = self._root / layer.folder / self._split / city / (name + layer.suffix)
                self._add("missing", wanted, "is missing: the image has no such truth")
                continue
            if truth.parent.name != city:
                self._add("wrong place", truth, f"is not in the folder {city} as its image is")
            truth_size = self._check_file(truth, layer)
            if size and truth_size and size != truth_size:
                self._add(
                    "wrong size",
                    truth,
                    f"is {format_size(truth_size)}, its image is {format_size(size)}",
                )

    def finish(self) -> None:
        """Check what takes the whole split: truths without image, images unlike the others."""
        for files in self._truths.values():
            for name in sorted(set(files or ()) - set(self._images)):
                self._add("missing", (files or {})[name], f"has no image {name}{IMAGES.suffix}")
        if self._sizes:
            usual = Counter(self._sizes.values()).most_common(1)[0][0]
            for name, size in self._sizes.items():
                if size != usual:
                    self._add(
                        "wrong size",
                        self._images[name],
                        f"is {format_size(size)}, most images are {format_size(usual)}",
                    )

    def report(self) -> SplitReport:
        """Return what there is."""
        return SplitReport(
            split=self._split,
            images=len(self._images),
            truths={
                task: None if files is None else len(files) for task, files in self._truths.items()
            },
            cities=len({path.parent.name for path in self._images.values()}),
            sizes=dict(Counter(map(format_size, self._sizes.values()))),
            lacking=self._lacking(),
        )

    def _lacking(self) -> dict[str, int]:
        """Return how many images of each city are not here, if the cities are Cityscapes'."""
        here = Counter(path.parent.name for path in self._images.values())
        whole = CITIES[self._split]
        if not here or not here.keys() <= whole.keys():
            return {}
        return {city: count - here[city] for city, count in whole.items() if count > here[city]}

    def _check_file(self, path: Path, layer: Layer) -> tuple[int, int] | None:
        """Check one file by itself and return its size, or None if it cannot be read."""
        try:
            size, mode = read_header(path)
            if mode not in layer.modes:
                self._add("wrong kind of PNG", path, f"has mode {mode}, not {layer.described}")
            elif self._full:
                self._check_pixels(path, layer)
        except InvalidInputError as error:
            self._add("unreadable", path, str(error).removeprefix(f"'{path}' "))
            return None
        return size

    def _check_pixels(self, path: Path, layer: Layer) -> None:
        if layer is IMAGES:
            read_image(path)
            return
        values = read_grey(path, layer)
        if layer is TRUTHS["disparity"]:
            if not values.any():
                self._add("wrong content", path, "has no valid pixel")
            return
        unknown = np.unique(values[values >= NUM_LABEL_IDS])
        if unknown.size:
            listed = ", ".join(map(str, unknown[:LISTED]))
            self._add(
                "wrong content", path, f"has ids {listed}, but label ids are 0..{NUM_LABEL_IDS - 1}"
            )
        elif (train_ids(values) == VOID).all():
            self._add("wrong content", path, "has no pixel of the 19 classes")

    def _add(self, kind: str, path: Path, message: str) -> None:
        self.problems.append(Problem(kind, path.relative_to(self._root).as_posix(), message))


def _split_line(report: SplitReport) -> str:
    sizes = ", ".join(report.sizes) or "unknown size"
    truths = ", ".join(
        f"{task} {'absent' if count is None else count}" for task, count in report.truths.items()
    )
    dummies = " (its labels are dummies)" if report.split == SPLIT_WITH_DUMMY_LABELS else ""
    return (
        f"{report.split + ':':<6} {report.images} images of {report.cities} cities ({sizes}); "
        f"{truths}{dummies}{_lacking_line(report.lacking)}"
    )


def _lacking_line(lacking: dict[str, int]) -> str:
    if not lacking:
        return ""
    listed = ", ".join(f"{city} {count}" for city, count in list(lacking.items())[:LISTED])
    more = f" and {len(lacking) - LISTED} more cities" if len(lacking) > LISTED else ""
    return f"\n       {sum(lacking.values())} images fewer than Cityscapes has: {listed}{more}"


def _problem_lines(report: CheckReport) -> list[str]:
    if report.ok:
        read = "all pixels read" if report.full else "headers read; --full reads all pixels"
        return [f"no problems ({read})"]
    lines = []
    for kind, count in Counter(problem.kind for problem in report.problems).items():
        alike = [problem for problem in report.problems if problem.kind == kind]
        lines.append(f"{kind}: {count}")
        lines += [f"  {problem.path}: {problem.message}" for problem in alike[:LISTED]]
        if count > LISTED:
            lines.append(f"  ... and {count - LISTED} more (--json lists all)")
    if any(problem.kind == "missing" for problem in report.problems):
        lines.append(f"{WHERE_FROM}; `cofeat data streets DIR` makes a stand-in")
    return lines
