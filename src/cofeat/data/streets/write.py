"""Street scenes as files, in Cityscapes' layout.

Scenes are independent, so several processes make them: each is this module run
by a Python of its own, which needs neither a fork of the caller (torch may be
loaded there) nor a guarded main module. ``streets.json`` is written last; until
then the plan lies in ``streets.partial.json``, and a run that was killed goes on.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from PIL import Image

from cofeat.data.streets.render import RENDERER_VERSION, check_size, render_scene
from cofeat.errors import CofeatError, InvalidInputError
from cofeat.files import hold
from cofeat.tasks.disparity import to_png16

MANIFEST = "streets.json"
_PLAN = "streets.partial.json"
SPLITS = ("train", "val")
# Six digits count the frames in a file's name.
MAX_SCENES = 1_000_000
_POLL_S = 0.5
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What is written; the manifest holds it."""

    renderer: int
    train: int
    val: int
    width: int
    height: int
    seed: int

    @property
    def jobs(self) -> list[tuple[str, int]]:
        """(split, frame) of all scenes, in order."""
        return [("train", i) for i in range(self.train)] + [("val", i) for i in range(self.val)]


def scene_seed(seed: int, split: str, frame: int) -> int:
    """Return the seed of one scene; no two of (seed, split, frame) share one."""
    return (seed * len(SPLITS) + SPLITS.index(split)) * MAX_SCENES + frame


def scene_paths(root: Path, seed: int, split: str, frame: int) -> dict[str, Path]:
    """Return where the "image", the "labels" and the "disparity" of a scene lie."""
    city = f"streets{split}{seed:04d}"
    name = f"{city}_000000_{frame:06d}"
    return {
        "image": root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png",
        "labels": root / "gtFine" / split / city / f"{name}_gtFine_labelIds.png",
        "disparity": root / "disparity" / split / city / f"{name}_disparity.png",
    }


def write_streets(
    root: Path,
    train: int,
    val: int,
    size: tuple[int, int],
    seed: int,
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Write scenes for training and validation; do nothing that is done already.

    Args:
        root: the folder of the data set; made if it is not there.
        train: number of scenes for training.
        val: number of scenes for validation.
        size: (height, width) in pixels.
        seed: which scenes; different seeds have none in common.
        workers: number of processes; by default one a core.
        progress: called as progress(done, all).

    Raises:
        InvalidInputError: a number is out of range, or the folder holds other scenes.
        CofeatError: a process that makes scenes failed.
    """
    plan = _check_plan(Plan(RENDERER_VERSION, train, val, size[1], size[0], seed))
    root = Path(root)
    if _compare(root / MANIFEST, plan):
        return
    root.mkdir(parents=True, exist_ok=True)
    release = _wait_for_turn(root, plan, progress)
    try:
        if not _compare(root / MANIFEST, plan):
            _write_missing(root, plan, workers, progress)
    finally:
        release()


def _wait_for_turn(root: Path, plan: Plan, progress: Progress | None) -> Callable[[], None]:
    """Return what lets other processes write there, once no other does; show their progress."""
    while (release := hold(root)) is None:
        _compare(root / _PLAN, plan)
        if progress:
            progress(_count_complete(root, plan), len(plan.jobs))
        time.sleep(_POLL_S)
    return release


def _write_missing(root: Path, plan: Plan, workers: int | None, progress: Progress | None) -> None:
    """Write the scenes that are not there yet, and then that all are."""
    _compare(root / _PLAN, plan)
    _write_file(root / _PLAN, json.dumps(asdict(plan), indent=1).encode())
    jobs = plan.jobs
    done = _count_complete(root, plan)
    count = min(workers or os.cpu_count() or 1, len(jobs) - done)
    if progress:
        progress(done, len(jobs))
    steps = _write_here(root, plan, 0, 1) if count <= 1 else _write_apart(root, plan, count)
    for _ in steps:
        done += 1
        if progress:
            progress(done, len(jobs))
    _write_file(root / MANIFEST, json.dumps(asdict(plan), indent=1).encode())
    (root / _PLAN).unlink()
    for rest in root.rglob("*.part"):
        rest.unlink()


def _check_plan(plan: Plan) -> Plan:
    for name, value in (("train", plan.train), ("val", plan.val)):
        if not 0 <= value <= MAX_SCENES:
            raise InvalidInputError(f"{name} is {value}: give 0 to {MAX_SCENES} scenes")
    check_size((plan.height, plan.width))
    if plan.seed < 0:
        raise InvalidInputError(f"the seed is {plan.seed}: give 0 or more")
    return plan


def _compare(path: Path, plan: Plan) -> bool:
    """Return whether a manifest is there and is the same.

    Raises:
        InvalidInputError: it is another one.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        return False
    try:
        found: dict[str, Any] = json.loads(text)
        differing = [
            f"{name} {found.get(name)} there, {value} wanted"
            for name, value in asdict(plan).items()
            if found.get(name) != value
        ]
    except (ValueError, AttributeError):
        differing = ["it cannot be read"]
    if differing:
        raise InvalidInputError(
            f"'{path.parent}' holds other street scenes ({'; '.join(differing)}): "
            "use another folder, or delete this one"
        )
    return True


def _count_complete(root: Path, plan: Plan) -> int:
    return sum(_is_complete(root, plan.seed, *job) for job in plan.jobs)


def _is_complete(root: Path, seed: int, split: str, frame: int) -> bool:
    return all(path.exists() for path in scene_paths(root, seed, split, frame).values())


def _write_here(root: Path, plan: Plan, first: int, stride: int) -> Iterator[None]:
    """Write every ``stride``-th scene that is missing; yield after each."""
    for split, frame in plan.jobs[first::stride]:
        if _is_complete(root, plan.seed, split, frame):
            continue
        scene = render_scene(scene_seed(plan.seed, split, frame), (plan.height, plan.width))
        paths = scene_paths(root, plan.seed, split, frame)
        _write_png(paths["image"], Image.fromarray(scene.image))
        _write_png(paths["labels"], Image.fromarray(scene.label_ids))
        _write_png(paths["disparity"], Image.fromarray(to_png16(scene.disparity)))
        yield


def _write_png(path: Path, image: Image.Image) -> None:
    buffer = io.BytesIO()
    # Levels above 3 gain little on noisy pixels and take most of the time.
    image.save(buffer, "PNG", compress_level=3)
    _write_file(path, buffer.getvalue())


def _write_file(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    part.replace(path)


def _write_apart(root: Path, plan: Plan, count: int) -> Iterator[None]:
    """Write what is missing in ``count`` processes; yield after each scene.

    Raises:
        CofeatError: one of them failed.
    """
    source = str(Path(__file__).parents[3])
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(
        part for part in (source, os.environ.get("PYTHONPATH", "")) if part
    )
    command = [sys.executable, "-m", "cofeat.data.streets.write", str(root)]
    command.append(json.dumps(asdict(plan)))
    processes = [
        subprocess.Popen(
            [*command, str(i), str(count)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
        )
        for i in range(count)
    ]
    messages: SimpleQueue[tuple[int, str] | None] = SimpleQueue()
    threads = [
        threading.Thread(target=_follow, args=(process, messages), daemon=True)
        for process in processes
    ]
    for thread in threads:
        thread.start()
    running = count
    try:
        while running:
            message = messages.get()
            if message is None:
                yield
                continue
            running -= 1
            if message[0] != 0:
                last = message[1].splitlines()[-1:] or [f"exit status {message[0]}"]
                raise CofeatError(f"a process that makes street scenes failed: {last[0]}")
    finally:
        for process in processes:
            process.kill()
        for thread in threads:
            thread.join()


def _follow(
    process: subprocess.Popen[bytes], messages: SimpleQueue[tuple[int, str] | None]
) -> None:
    """Put None for each scene that a process has written, at last its status and errors."""
    if process.stdout is None or process.stderr is None:  # cannot be: both are pipes
        return
    with process.stdout, process.stderr:
        while process.stdout.read(1):
            messages.put(None)
        errors = process.stderr.read().decode(errors="replace")
    messages.put((process.wait(), errors.strip()))


def _work(arguments: list[str]) -> None:
    """Write one process's share; a byte on stdout tells each scene.

    When the parent is gone, the next byte breaks the pipe and ends this process.
    """
    root, plan, first, stride = arguments
    for _ in _write_here(Path(root), Plan(**json.loads(plan)), int(first), int(stride)):
        sys.stdout.buffer.write(b".")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _work(sys.argv[1:])
