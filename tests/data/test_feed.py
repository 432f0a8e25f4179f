"""Batches from memory and from disk are the same; mirroring touches what it should."""

import numpy as np
import pytest
import torch

from cofeat.data.base import Sample
from cofeat.data.coded import CodedPictures
from cofeat.data.feed import Batch, HeldFeed, ReadingFeed, to_tensors
from cofeat.errors import InvalidInputError

TASKS = ("segmentation", "disparity", "reconstruction")
CPU = torch.device("cpu")


class Noise:
    """Seven random samples, each made when asked for."""

    size = (4, 6)
    names = tuple(f"noise_{index}" for index in range(7))

    def __init__(self, broken=None, lacks=None):
        self.broken, self.lacks, self.reads = broken, lacks, 0

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        self.reads += 1
        if index == self.broken:
            raise InvalidInputError("'left/seven.png' cannot be read as an image: cut short")
        random = np.random.default_rng(index)
        image = random.integers(0, 256, (4, 6, 3), dtype=np.uint8)
        truths = {
            "segmentation": random.integers(0, 19, (4, 6), dtype=np.uint8),
            "disparity": random.uniform(0, 50, (4, 6)).astype(np.float32),
            "reconstruction": image,
        }
        truths.pop(self.lacks, None)
        return Sample(self.names[index], image, truths)


def feeds(dataset, tasks=TASKS, count=None):
    return {
        "held": HeldFeed(dataset, tasks, CPU, count),
        "reading": ReadingFeed(dataset, tasks, 0, count),
        "workers": ReadingFeed(dataset, tasks, 1, count),
    }


def same(one, other):
    return (
        one.indices == other.indices
        and torch.equal(one.images, other.images)
        and one.truths.keys() == other.truths.keys()
        and all(torch.equal(truth, other.truths[task]) for task, truth in one.truths.items())
    )


@pytest.mark.parametrize("kind", ["held", "reading", "workers"])
@pytest.mark.parametrize("tasks", [TASKS, ("disparity",), ("reconstruction", "segmentation")])
def test_batches_are_the_samples_stacked(kind, tasks):
    dataset, plan = Noise(), [[3, 0, 6], [1, 1, 2], [5]]
    batches = list(feeds(dataset, tasks)[kind].batches(plan))
    assert [batch.indices for batch in batches] == plan
    for batch, indices in zip(batches, plan, strict=True):
        samples = [dataset[index] for index in indices]
        images = np.stack([sample.image.transpose(2, 0, 1) for sample in samples])
        assert tuple(batch.truths) == tasks
        assert batch.images.dtype == torch.uint8
        np.testing.assert_array_equal(batch.images.numpy(), images)
        for task in tasks:
            truths = np.stack([sample.truths[task] for sample in samples])
            expected = truths.transpose(0, 3, 1, 2) if task == "reconstruction" else truths
            assert batch.truths[task].numpy().dtype == expected.dtype
            np.testing.assert_array_equal(batch.truths[task].numpy(), expected)


def test_a_held_feed_reads_each_sample_once_and_tells():
    dataset, told = Noise(), []
    feed = HeldFeed(dataset, TASKS, CPU, 5, lambda done, of: told.append((done, of)))
    assert dataset.reads == len(feed) == 5
    assert told == [(done, 5) for done in range(1, 6)]
    list(feed.batches([[0, 1], [2, 3]]))
    assert dataset.reads == 5


@pytest.mark.parametrize(("count", "length"), [(None, 7), (3, 3), (99, 7)])
def test_the_first_so_many(count, length):
    assert {len(feed) for feed in feeds(Noise(), count=count).values()} == {length}


def test_the_image_is_held_once_though_it_is_a_truth_too():
    feed = HeldFeed(Noise(), TASKS, CPU)
    batch = next(iter(feed.batches([[0, 1]])))
    assert batch.truths["reconstruction"] is batch.images
    moved = batch.to(CPU).mirrored(torch.tensor([True, False]))
    assert moved.truths["reconstruction"] is moved.images


@pytest.mark.parametrize("kind", ["held", "reading", "workers"])
def test_a_picture_that_was_coded_is_held_to_the_one_that_was_taken(kind):
    taken, plan = Noise(), [[0, 1, 2]]
    (batch,) = feeds(CodedPictures(taken, ("jpeg:10", "none")))[kind].batches(plan)
    truth = np.stack([taken[index].image.transpose(2, 0, 1) for index in plan[0]])
    np.testing.assert_array_equal(batch.truths["reconstruction"].numpy(), truth)
    same_as_taken = (batch.images == batch.truths["reconstruction"]).flatten(1).all(dim=1)
    assert same_as_taken.tolist() == [False, True, False]


def test_only_maps_are_mirrored():
    images = torch.zeros((2, 3, 4, 6), dtype=torch.uint8)
    truths = {
        "label": torch.tensor([7, 8]),
        "vector": torch.arange(6).reshape(2, 3),
        "map": torch.arange(48).reshape(2, 4, 6),
    }
    mirrored = Batch([0, 1], images, truths).mirrored(torch.tensor([True, False])).truths
    assert torch.equal(mirrored["label"], truths["label"])
    assert torch.equal(mirrored["vector"], truths["vector"])
    assert mirrored["map"][0, 0].tolist() == [5, 4, 3, 2, 1, 0]
    assert torch.equal(mirrored["map"][1], truths["map"][1])


def some_batch():
    return next(iter(HeldFeed(Noise(), TASKS, CPU).batches([[0, 1, 2, 3]])))


def test_only_named_samples_are_mirrored_images_and_truths_alike():
    batch = some_batch()
    mirrored = batch.mirrored(torch.tensor([True, False, False, True]))
    assert mirrored.indices == batch.indices
    for values, turned in [
        (batch.images, mirrored.images),
        *((batch.truths[task], mirrored.truths[task]) for task in TASKS),
    ]:
        array = values.numpy()
        expected = np.stack([array[0][..., ::-1], array[1], array[2], array[3][..., ::-1]])
        np.testing.assert_array_equal(turned.numpy(), expected)
        assert turned.dtype == values.dtype


def test_mirrored_twice_is_as_it_was():
    batch, flips = some_batch(), torch.tensor([True, True, False, True])
    assert not same(batch.mirrored(flips), batch)
    assert same(batch.mirrored(flips).mirrored(flips), batch)
    assert same(batch.mirrored(torch.zeros(4, dtype=torch.bool)), batch)


def test_a_batch_does_not_share_memory_with_what_is_held():
    feed = HeldFeed(Noise(), TASKS, CPU)
    next(iter(feed.batches([[0, 1]]))).images.zero_()
    assert next(iter(feed.batches([[0, 1]]))).images.any()


def test_a_missing_truth_is_told_with_the_remedy():
    dataset = Noise(lacks="disparity")
    message = r"'noise_0' has no truth for task 'disparity': it has segmentation, .*; leave the"
    with pytest.raises(InvalidInputError, match=message):
        HeldFeed(dataset, TASKS, CPU)
    reading = ReadingFeed(dataset, TASKS, 0).batches([[0]])
    with pytest.raises(InvalidInputError, match=message):
        next(reading)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_in_reading_is_one_line_wherever_it_happens(workers):
    feed = ReadingFeed(Noise(broken=2), TASKS, workers)
    with pytest.raises(InvalidInputError) as caught:
        list(feed.batches([[0, 1], [2, 3]]))
    assert str(caught.value) == "'left/seven.png' cannot be read as an image: cut short"


def test_an_error_does_not_wait_for_the_rest_to_be_read():
    class Slow(Noise):
        names = tuple(f"slow_{index}" for index in range(500))

    dataset = Slow(broken=0)
    with pytest.raises(InvalidInputError, match="cut short"):
        HeldFeed(dataset, TASKS, CPU)
    assert dataset.reads < 500


def test_to_tensors_copies():
    """A data set may keep what it gave; a batch may be changed."""
    sample = Noise()[0]
    tensors = to_tensors(sample, TASKS)
    tensors["image"].zero_()
    tensors["disparity"].zero_()
    assert sample.image.any()
    assert sample.truths["disparity"].any()


def test_moving_to_where_it_is_keeps_the_values():
    batch = some_batch()
    assert isinstance(batch.to(CPU), Batch)
    assert same(batch.to(CPU), batch)
