"""Batches of tensors from a data set: held in memory, on the device, or read as needed.

N batch, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, default_collate
from torch.utils.data import Dataset as TorchDataset

from cofeat.data.base import Dataset, Sample
from cofeat.errors import InvalidInputError

# Reading is mostly decoding PNG, which leaves Python's lock.
READING_THREADS = 4


class Batch(NamedTuple):
    """Some samples as tensors."""

    indices: list[int]
    """In the data set."""
    images: Tensor
    """uint8 (N, 3, H, W)."""
    truths: dict[str, Tensor]
    """Task -> truth, batch first, as the task's head wants it."""

    def to(self, device: torch.device) -> Batch:
        """Move all tensors to a device."""
        return self._each(lambda values: to_device(values, device))

    def mirrored(self, flips: Tensor) -> Batch:
        """Mirror the samples that ``flips`` (bool (N,)) names, images and maps alike.

        A map is a truth whose last two axes are H and W; any other is left as it is.
        """
        flips = to_device(flips, self.images.device)

        def mirror(values: Tensor) -> Tensor:
            if values.shape[-2:] != self.images.shape[-2:]:
                return values
            shape = (-1,) + (1,) * (values.dim() - 1)
            return torch.where(flips.view(shape), values.flip(-1), values)

        return self._each(mirror)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        """Change every tensor; a truth that is the images is changed once, with them."""
        images = change(self.images)
        truths = {
            task: images if truth is self.images else change(truth)
            for task, truth in self.truths.items()
        }
        return Batch(self.indices, images, truths)


def to_device(values: Tensor, device: torch.device) -> Tensor:
    """Move a tensor, to a GPU without waiting for what the GPU is still doing."""
    if device.type == "cuda" and values.device.type == "cpu":
        values = values.pin_memory()  # a copy from other memory waits
    return values.to(device, non_blocking=device.type == "cuda")


class Feed(Protocol):
    """Makes batches of given samples."""

    def __len__(self) -> int: ...

    def batches(self, plan: Sequence[list[int]]) -> Iterator[Batch]:
        """Yield a batch for each list of indices, on the CPU or where the data are held."""
        ...


def to_tensors(sample: Sample, tasks: Sequence[str]) -> dict[str, Tensor]:
    """Turn a sample into tensors: ``"image"`` uint8 (3, H, W), and each other task's truth.

    Where the truth of reconstruction is the sample's image itself, it is not held twice.

    Raises:
        InvalidInputError: the sample lacks the truth of a task.
    """
    tensors = {"image": _channels_first(sample.image)}
    for task in tasks:
        truth = sample.truths.get(task)
        if task == "reconstruction":
            if truth is not None and truth is not sample.image:
                tensors[task] = _channels_first(truth)
        elif truth is not None:
            tensors[task] = torch.from_numpy(truth.copy())
        else:
            raise InvalidInputError(
                f"sample '{sample.name}' has no truth for task '{task}': it has "
                f"{', '.join(sample.truths) or 'none'}; leave the task out of network.tasks"
            )
    return tensors


def _channels_first(picture: npt.NDArray[Any]) -> Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1).contiguous()


def _batch(indices: list[int], tensors: dict[str, Tensor], tasks: Sequence[str]) -> Batch:
    """Make a batch of what ``to_tensors`` gave, stacked."""
    tensors.setdefault("reconstruction", tensors["image"])
    return Batch(indices, tensors["image"], {task: tensors[task] for task in tasks})


class HeldFeed:
    """The whole data set as tensors, in memory or on the device.

    Args:
        dataset: read once, here.
        tasks: whose truths are wanted.
        device: where to hold it.
        count: how many samples, the first ones; None is all.
        on_read: called with (samples read, samples in all).
    """

    def __init__(
        self,
        dataset: Dataset,
        tasks: Sequence[str],
        device: torch.device,
        count: int | None = None,
        on_read: Callable[[int, int], None] | None = None,
    ) -> None:
        self._count = len(dataset) if count is None else min(count, len(dataset))
        self._tensors: dict[str, Tensor] = {}
        self._tasks = tuple(tasks)
        pool = ThreadPoolExecutor(READING_THREADS)
        try:
            samples = pool.map(lambda index: to_tensors(dataset[index], tasks), range(self._count))
            for index, sample in enumerate(samples):
                self._hold(index, sample, device)
                if on_read:
                    on_read(index + 1, self._count)
        finally:
            pool.shutdown(cancel_futures=True)  # an error does not wait for the rest

    def _hold(self, index: int, sample: dict[str, Tensor], device: torch.device) -> None:
        for name, tensor in sample.items():
            if name not in self._tensors:
                shape = (self._count, *tensor.shape)
                self._tensors[name] = torch.empty(shape, dtype=tensor.dtype, device=device)
            self._tensors[name][index] = tensor.to(device)

    def __len__(self) -> int:
        return self._count

    def batches(self, plan: Sequence[list[int]]) -> Iterator[Batch]:
        """Yield a batch for each list of indices, where the data are held."""
        for indices in plan:
            chosen = to_device(torch.tensor(indices), self._tensors["image"].device)
            picked = {name: tensor[chosen] for name, tensor in self._tensors.items()}
            yield _batch(indices, picked, self._tasks)


class _TensorDataset(TorchDataset[dict[str, Any] | str]):
    """What torch's loader wants: indices in, a table of tensors out.

    A sample that cannot be read gives the error's message: torch wraps what a
    worker raises in its whole traceback, and is slow to end that worker.
    """

    def __init__(self, dataset: Dataset, tasks: Sequence[str]) -> None:
        self.dataset = dataset
        self.tasks = tuple(tasks)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any] | str:
        try:
            return {"index": index, **to_tensors(self.dataset[index], self.tasks)}
        except InvalidInputError as error:
            return str(error)


def _collate(samples: list[dict[str, Any] | str]) -> Any:
    """Stack samples, or pass the first error on."""
    errors = [sample for sample in samples if isinstance(sample, str)]
    return errors[0] if errors else default_collate(samples)


class ReadingFeed:
    """Reads samples when they are wanted, in worker processes that run ahead.

    Args:
        dataset: read as needed.
        tasks: whose truths are wanted.
        workers: processes; 0 reads in this one.
        count: how many samples, the first ones; None is all.
    """

    def __init__(
        self, dataset: Dataset, tasks: Sequence[str], workers: int, count: int | None = None
    ) -> None:
        self._dataset = _TensorDataset(dataset, tasks)
        self._count = len(dataset) if count is None else min(count, len(dataset))
        self._workers = workers

    def __len__(self) -> int:
        return self._count

    def batches(self, plan: Sequence[list[int]]) -> Iterator[Batch]:
        """Yield a batch for each list of indices, on the CPU.

        Raises:
            InvalidInputError: a sample cannot be read.
        """
        loader = DataLoader(
            self._dataset,
            batch_sampler=list(plan),
            num_workers=self._workers,
            collate_fn=_collate,
            pin_memory=torch.cuda.is_available(),
        )
        for tensors in loader:
            if isinstance(tensors, str):
                raise InvalidInputError(tensors)
            yield _batch(tensors.pop("index").tolist(), tensors, self._dataset.tasks)
