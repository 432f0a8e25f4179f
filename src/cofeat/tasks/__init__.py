"""The tasks: one file a task, no torch (its head and loss are in ``cofeat.network.heads``)."""

from __future__ import annotations

from typing import cast

from cofeat.registry import Registry
from cofeat.tasks.base import Task

TASKS = Registry(
    "task",
    "cofeat.tasks",
    {
        "segmentation": "cofeat.tasks.segmentation:SEGMENTATION",
        "disparity": "cofeat.tasks.disparity:DISPARITY",
        "reconstruction": "cofeat.tasks.reconstruction:RECONSTRUCTION",
    },
)


def load_task(name: str) -> Task:
    """Return the task of that name.

    Raises:
        InvalidInputError: there is no such task.
    """
    return cast(Task, TASKS.load(name))
