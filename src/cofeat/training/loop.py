"""The training loop, read from top to bottom."""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from lightning.fabric.utilities.exceptions import MisconfigurationException
from torch import nn

from cofeat.data.base import Dataset
from cofeat.data.coded import CodedPictures
from cofeat.data.feed import Batch, Feed, HeldFeed, ReadingFeed
from cofeat.data.plan import coarseness, epoch_plan, flips, unit_noise
from cofeat.errors import InvalidInputError, TrainingError
from cofeat.files import hold
from cofeat.network.build import build_network
from cofeat.tasks import load_task
from cofeat.training.average import NetworkAverage
from cofeat.training.checkpoint import has_checkpoint, resume, save_checkpoint
from cofeat.training.log import RunLog
from cofeat.training.objective import (
    Objective,
    Step,
    build_entropy_model,
    build_weighting,
    compressibility_form,
)
from cofeat.training.recipe import Machine, Recipe, Train
from cofeat.training.start import begin_with_features, freeze, load_start, load_teacher
from cofeat.training.validation import bits_per_element, sample_pictures, validate

# Called with (what is being done, how much is done, how much there is, a note).
OnProgress = Callable[[str, int, int, str], None]


def train(
    recipe: Recipe,
    run: Path,
    data: tuple[Dataset, Dataset],
    on_progress: OnProgress | None = None,
    about: dict[str, Any] | None = None,
) -> bool:
    """Train one arm of a recipe, or go on where a run was stopped.

    Args:
        recipe: what to train.
        run: folder of checkpoints and logs; a run of the same recipe in it is continued.
        data: training and validation samples.
        on_progress: called now and then, on the first process.
        about: written into every checkpoint, such as commit and machine.

    Returns:
        whether the run is complete; False where ``machine.max_minutes`` or a
        SIGTERM stopped it before the end.

    Raises:
        InvalidInputError: recipe, data and folder do not fit each other.
        TrainingError: the loss is no longer finite.
    """
    clock = _Clock()
    fabric = _fabric(recipe.machine)
    tell = on_progress if on_progress and fabric.is_global_zero else _tell_nobody
    run.mkdir(parents=True, exist_ok=True)
    release = hold(run) if fabric.is_global_zero else lambda: None
    if _any(fabric, release is None):
        raise InvalidInputError(
            f"another process trains in '{run}': wait for it, or use another folder"
        )
    try:
        return _train(recipe, run, data, fabric, clock, tell, about or {})
    finally:
        if release is not None:
            release()


def _train(  # noqa: C901  one loop, read from top to bottom
    recipe: Recipe,
    run: Path,
    data: tuple[Dataset, Dataset],
    fabric: Fabric,
    clock: _Clock,
    tell: OnProgress,
    about: dict[str, Any],
) -> bool:
    """Do what ``train`` says, in a run's folder that is this process's alone."""
    options, first = recipe.train, fabric.is_global_zero

    # The network, the same for both arms, and where an earlier slice left it. What a run began
    # with may be gone once it has a checkpoint.
    torch.manual_seed(options.seed)
    begins = not has_checkpoint(run)
    given = recipe.network.model_dump()
    network = build_network(**(given if begins else {**given, "weights": None}))
    if recipe.machine.channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if recipe.machine.compile:
        network.compile()
    if options.start is not None and begins:
        load_start(network, options.start)
    freeze(network, options.freeze)
    plain = Objective(
        network,
        build_weighting(recipe, network),
        compressibility_form(recipe),
        build_entropy_model(recipe, network),
    )
    objective, optimizer = fabric.setup(plain, torch.optim.Adam(_parameter_groups(plain, recipe)))
    average = NetworkAverage(network, options.average) if options.average else None
    result = average.network if average else network
    place = resume(run, plain, optimizer, recipe, average)
    if _any(fabric, fabric.broadcast(place.step) != place.step):
        raise InvalidInputError(
            f"the processes see different checkpoints in '{run}': all nodes must share the folder"
        )

    # The data, and how many steps there are.
    count = min(len(data[0]), recipe.data.train or len(data[0]))
    share = (fabric.global_rank, fabric.world_size)
    batches = len(epoch_plan(count, options.batch, options.seed, 0, *share))
    steps_an_epoch = batches // options.accumulate
    if not steps_an_epoch:
        raise InvalidInputError(
            f"an epoch has {batches} batches, fewer than train.accumulate={options.accumulate}"
        )
    steps = steps_an_epoch * options.epochs
    if place.images not in (0, count):
        raise InvalidInputError(
            f"'{run}' was begun with {place.images} training images, and now there are {count}: "
            "give it the same data, or use another folder"
        )
    place.images = count
    if place.step >= steps:
        return True
    teacher = load_teacher(recipe).to(fabric.device) if options.teacher is not None else None
    if not len(data[1]):
        raise InvalidInputError("there are no validation images")
    if options.pictures:
        data = (CodedPictures(data[0], options.pictures), data[1])
    feed = _feed(data[0], "read training images", recipe, count, fabric, tell)
    val_feed = _feed(data[1], "read validation images", recipe, recipe.data.val, fabric, tell)
    principal = options.bottleneck_start == "principal"
    if place.step == 0 and (principal or plain.entropy_model):
        begin_with_features(plain, feed, principal, options.batch, fabric)

    def prepared(batch: Batch, epoch: int) -> Batch:
        batch = batch.to(fabric.device)
        if not options.flip:
            return batch
        return batch.mirrored(flips(batch.indices, options.seed, epoch))

    def noise_for(batch: Batch, epoch: int) -> torch.Tensor:
        shape = network.feature_shape((batch.images.shape[-2], batch.images.shape[-1]))
        return unit_noise(batch.indices, options.seed, epoch, shape, fabric.device)

    def coarseness_for(batch: Batch, epoch: int) -> torch.Tensor | None:
        if options.coarse == (1.0, 1.0):
            return None
        drawn = coarseness(batch.indices, options.seed, epoch, options.coarse)
        return drawn.to(fabric.device)

    @torch.no_grad()
    def taught_for(batch: Batch) -> dict[str, torch.Tensor] | None:
        if teacher is None:
            return None
        with fabric.autocast():
            size = (batch.images.shape[-2], batch.images.shape[-1])
            return teacher.decode(
                teacher.encode(batch.images), size, tuple(recipe.loss.distillation)
            )

    earlier_seconds = place.seconds
    clock.restart_images()

    def save() -> None:
        _check_weights(plain, place.step)
        place.seconds = earlier_seconds + clock.saved()
        if log:
            log.flush()
            save_checkpoint(run, plain, optimizer, place, recipe, about, average)
        fabric.barrier()
        clock.restart_images()

    log = RunLog(run, _columns(plain), place.step) if first else None
    with log or nullcontext(), _termination() as terminated:

        def stop_asked() -> bool:
            return terminated() or clock.beyond(recipe.machine.max_minutes)

        while place.step < steps:
            epoch, done = divmod(place.step, steps_an_epoch)
            plan = epoch_plan(count, options.batch, options.seed, epoch, *share)
            wanted = slice(done * options.accumulate, steps_an_epoch * options.accumulate)
            parts = feed.batches(plan[wanted])
            _training_mode(objective, options)
            for _ in range(done, steps_an_epoch):
                _decay(optimizer, place.step / steps, options.power)
                for part in range(options.accumulate):
                    batch = prepared(next(parts), epoch)
                    last_part = part == options.accumulate - 1
                    with fabric.no_backward_sync(objective, enabled=not last_part):
                        step = objective(
                            batch.images,
                            batch.truths,
                            noise_for(batch, epoch),
                            coarseness_for(batch, epoch),
                            taught_for(batch),
                        )
                        fabric.backward(step.total / options.accumulate)
                optimizer.step()
                optimizer.zero_grad()
                if average:
                    average.update(network)
                place.step += 1
                clock.images += options.batch * options.accumulate

                logs = place.step % options.log_steps == 0 or place.step == steps
                if logs:
                    values = _values(step, optimizer) | {"images_per_s": clock.images_per_s()}
                    if not math.isfinite(values["loss"]):
                        raise _diverged(f"the loss is {values['loss']}", place.step)
                    if log:
                        log.row(place.step, place.step / steps_an_epoch, values)
                    tell("train", place.step, steps, f"loss {values['loss']:.3f}")
                if place.step % steps_an_epoch == 0:
                    break  # the end of the epoch saves by itself
                # Several processes ask each other only where they wait anyway.
                if logs or fabric.world_size == 1:
                    if _any(fabric, stop_asked()):
                        save()
                        return False
                    if _any(fabric, clock.since_save_minutes() > options.checkpoint_minutes):
                        save()

            epoch += 1
            _check_weights(plain, place.step)
            if epoch % options.validate_epochs == 0 or epoch == options.epochs:
                result.eval()
                measures = validate(result, val_feed, recipe.evaluate.batch, fabric)
                if log:
                    bits = bits_per_element(result, val_feed, fabric.device)
                    values = {f"val_{name}": value for name, value in measures.items()}
                    log.row(place.step, epoch, values | {"bits_per_element": bits})
                    for name, picture in sample_pictures(result, val_feed, fabric.device):
                        log.picture(place.step, name, picture)
                clock.restart_images()
            stopping = _any(fabric, stop_asked())
            if stopping or epoch % options.checkpoint_epochs == 0 or epoch == options.epochs:
                save()
            if stopping and place.step < steps:
                return False
    return True


class _Clock:
    """Seconds of this slice, since the last checkpoint, and images a second."""

    def __init__(self) -> None:
        self._started = self._saved = time.monotonic()
        self.restart_images()

    def restart_images(self) -> None:
        self.images = 0
        self._images_since = time.monotonic()

    def images_per_s(self) -> float:
        rate = self.images / max(time.monotonic() - self._images_since, 1e-9)
        self.restart_images()
        return rate

    def beyond(self, minutes: float | None) -> bool:
        return minutes is not None and time.monotonic() - self._started > 60 * minutes

    def since_save_minutes(self) -> float:
        return (time.monotonic() - self._saved) / 60

    def saved(self) -> float:
        """Note a checkpoint; returns the seconds of the slice so far."""
        self._saved = time.monotonic()
        return self._saved - self._started


def _fabric(machine: Machine) -> Fabric:
    for library in ("lightning.fabric", "lightning.pytorch"):  # what it tells is no news to a user
        logging.getLogger(library).setLevel(logging.WARNING)
    if machine.threads:
        torch.set_num_threads(machine.threads)
    try:
        fabric = Fabric(
            accelerator=machine.accelerator,
            devices=machine.devices,
            num_nodes=machine.nodes,
            strategy=machine.strategy,
            precision=machine.precision,
        )
        fabric.launch()
    except (ValueError, TypeError, RuntimeError, MisconfigurationException) as error:
        reason = " ".join(str(error).split())
        raise InvalidInputError(f"this machine cannot run the section machine: {reason}") from error
    return fabric


def _feed(
    dataset: Dataset,
    what: str,
    recipe: Recipe,
    count: int | None,
    fabric: Fabric,
    tell: OnProgress,
) -> Feed:
    machine, tasks = recipe.machine, recipe.network.tasks
    if machine.cache == "none":
        return ReadingFeed(dataset, tasks, machine.workers, count)
    held_on = fabric.device if machine.cache == "device" else torch.device("cpu")
    return HeldFeed(dataset, tasks, held_on, count, lambda done, of: tell(what, done, of, ""))


def _parameter_groups(objective: Objective, recipe: Recipe) -> list[dict[str, Any]]:
    """What is trained, in groups with their initial learning rates."""
    options = recipe.train
    trained = [one for one in objective.network.parameters() if one.requires_grad]
    entropy = list(objective.entropy_model.parameters()) if objective.entropy_model else []
    groups = [(trained, options.learning_rate)]
    if options.entropy_learning_rate is None:
        trained += entropy
    else:
        groups.append((entropy, options.entropy_learning_rate))
    weighting_rate = options.weighting_learning_rate or options.learning_rate
    groups.append((list(objective.weighting.parameters()), weighting_rate))
    return [{"params": params, "lr": rate, "initial_lr": rate} for params, rate in groups if params]


def _decay(optimizer: Any, progress: float, power: float) -> None:
    """Polynomial decay: initial rate times (1 - progress) ** power."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * (1.0 - progress) ** power


def _training_mode(objective: Objective, options: Train) -> None:
    objective.train()
    for part in options.freeze:
        objective.network.get_submodule(part).eval()  # its batch norm keeps its statistics too
    if options.freeze_batch_norm:
        for module in objective.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def _columns(objective: Objective) -> list[str]:
    losses = list(objective.weighting.terms)
    measures = [load_task(task).measure for task in objective.network.tasks]
    return [
        "step", "epoch", "lr", "images_per_s", "loss",
        *(f"loss_{name}" for name in losses),
        *(f"weight_{name}" for name in losses),
        *(f"pressure_{name}" for name in losses),
        "feature_range", "bits_per_element",
        *(f"val_{name}" for name in measures),
    ]  # fmt: skip


def _values(step: Step, optimizer: Any) -> dict[str, float]:
    """What a log row tells of a step; this waits for the device."""
    losses = {name: float(loss) for name, loss in step.losses.items()}
    weights = {name: float(weight) for name, weight in step.weights.items()}
    return {
        "lr": optimizer.param_groups[0]["lr"],
        "loss": float(step.total.detach()),
        **{f"loss_{name}": loss for name, loss in losses.items()},
        **{f"weight_{name}": weight for name, weight in weights.items()},
        # What a relative change of the loss is worth: the pressure really used.
        **{f"pressure_{name}": weight * losses[name] for name, weight in weights.items()},
        "feature_range": float(step.feature_range),
    }


def _check_weights(objective: Objective, step: int) -> None:
    """Keep what has diverged from being measured or saved; this waits for the device."""
    finite = [parameter.detach().isfinite().all() for parameter in objective.parameters()]
    if not bool(torch.stack(finite).all()):
        raise _diverged("the weights are no longer finite", step)


def _diverged(what: str, step: int) -> TrainingError:
    return TrainingError(
        f"{what} at step {step}: lower train.learning_rate or loss.compressibility.pressure, or "
        "use machine.precision=32-true"
    )


def _any(fabric: Fabric, flag: bool) -> bool:
    """Whether any process says so: all must stop and save together."""
    if fabric.world_size == 1:
        return flag
    count = torch.tensor(float(flag), device=fabric.device)
    return bool(torch.as_tensor(fabric.all_reduce(count, reduce_op="sum")) > 0)


@contextmanager
def _termination() -> Iterator[Callable[[], bool]]:
    """Turn a SIGTERM into a flag, so that a run ends with a checkpoint."""
    told: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # Python allows handlers in the main thread alone
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    try:
        yield lambda: bool(told)
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _tell_nobody(what: str, done: int, total: int, note: str) -> None:
    pass
