"""What machine and which versions produced a figure."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cofeat

PACKAGES = ("cofeat", "numpy", "pillow", "torch", "lightning", "bjontegaard", "scikit-image")


def machine() -> dict[str, Any]:
    """Return processor, cores, memory and system of this machine."""
    about: dict[str, Any] = {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        about["memory_gib"] = round(memory_bytes / 2**30, 1)
    return about


def versions() -> dict[str, str]:
    """Return the version of Python and of each package that matters, where installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """Return the commit of the checkout that the package runs from, None outside one.

    ``+`` at its end: files that git follows have changed since.
    """
    root = Path(cofeat.__file__).parents[2]
    if not (root / ".git").exists():
        return None
    revision = _git(root, "rev-parse", "--short=12", "HEAD")
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return revision and revision + ("+" if changed else "")


def provenance(seed: int | None) -> dict[str, Any]:
    """Return what stands beside every figure: command, date, machine, versions, commit, seed."""
    return {
        "command": " ".join(["cofeat", *sys.argv[1:]]),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(),
        "versions": versions(),
        "commit": commit(),
        "seed": seed,
    }


def _git(root: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
