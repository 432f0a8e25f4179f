"""Batches, mirroring and noise that follow from (seed, epoch, index) alone."""

from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cofeat.data.plan import coarseness, epoch_plan, flips, sample_key, unit_noise
from cofeat.errors import InvalidInputError

CPU = torch.device("cpu")


@given(
    batches=st.integers(1, 6),
    share=st.integers(1, 4),
    processes=st.integers(1, 4),
    left_over=st.integers(0, 3),
    seed=st.integers(0, 2**40),
    epoch=st.integers(0, 300),
)
def test_the_parts_of_all_processes_are_the_batches_of_one(
    batches, share, processes, left_over, seed, epoch
):
    batch = share * processes
    count = batches * batch + min(left_over, batch - 1)
    whole = epoch_plan(count, batch, seed, epoch)
    parts = [epoch_plan(count, batch, seed, epoch, rank, processes) for rank in range(processes)]
    joined = [list(chain(*together)) for together in zip(*parts, strict=True)]
    assert joined == whole
    assert len(whole) == batches
    seen = [index for one in whole for index in one]
    assert len(set(seen)) == len(seen) == batches * batch  # nothing twice
    assert set(seen) <= set(range(count))
    if count % batch == 0:
        assert set(seen) == set(range(count))  # every sample once


def test_a_plan_is_the_same_each_time_and_another_in_each_epoch():
    assert epoch_plan(50, 5, seed=1, epoch=2) == epoch_plan(50, 5, seed=1, epoch=2)
    plans = {str(epoch_plan(50, 5, seed, epoch)) for seed in range(5) for epoch in range(5)}
    assert len(plans) == 25


def test_all_samples_come_in_time():
    """Those left over in one epoch are others in the next."""
    seen = {i for epoch in range(20) for part in epoch_plan(11, 4, 0, epoch) for i in part}
    assert seen == set(range(11))


def test_batches_that_do_not_fit_are_refused():
    with pytest.raises(InvalidInputError, match="and there are 7: lower"):
        epoch_plan(7, 8, 0, 0)
    with pytest.raises(InvalidInputError, match="a batch of 8 cannot be shared by 3 processes"):
        epoch_plan(80, 8, 0, 0, processes=3)


def test_keys_are_those_of_splitmix64():
    """One number from state 0 is the first output of the published generator, seed that number."""
    state = 1234567
    # First output of splitmix64 with seed 1234567, as published with its reference code.
    assert sample_key(state) == 6457827717110365317 >> 1


def test_keys_differ_and_depend_on_order():
    keys = {sample_key(a, b, c) for a in range(12) for b in range(12) for c in range(12)}
    assert len(keys) == 12**3
    assert all(0 <= key < 2**63 for key in keys)
    bits = [key >> 62 for key in keys]
    assert 0.45 < sum(bits) / len(bits) < 0.55


def test_flips_follow_the_sample_and_not_its_batch():
    together = flips(range(400), seed=3, epoch=4)
    assert together.dtype == torch.bool
    assert [bool(flips([i], 3, 4)) for i in range(400)] == together.tolist()
    assert 0.4 < together.float().mean() < 0.6
    assert not torch.equal(together, flips(range(400), 3, 5))
    assert not torch.equal(together, flips(range(400), 4, 4))


def test_noise_follows_the_sample_and_not_its_batch():
    shape = (4, 8, 8)
    together = unit_noise([5, 9, 2], 1, 2, shape, CPU)
    assert together.shape == (3, *shape)
    for row, index in zip(together, [5, 9, 2], strict=True):
        assert torch.equal(unit_noise([index], 1, 2, shape, CPU)[0], row)
    assert not torch.equal(together[0], together[1])
    assert not torch.equal(together, unit_noise([5, 9, 2], 1, 3, shape, CPU))


def test_noise_is_uniform_between_minus_and_plus_one_half():
    noise = unit_noise(range(4), 0, 0, (16, 32, 32), CPU)
    assert noise.min() >= -0.5
    assert noise.max() < 0.5
    assert float(noise.mean()) == pytest.approx(0.0, abs=0.005)
    assert float(noise.var()) == pytest.approx(1 / 12, rel=0.01)


def test_coarseness_follows_the_sample_and_not_its_batch():
    together = coarseness([5, 9, 2], 1, 2, (1.0, 8.0))
    assert together.shape == (3,)
    assert together.dtype == torch.float32
    for factor, index in zip(together, [5, 9, 2], strict=True):
        assert torch.equal(coarseness([index], 1, 2, (1.0, 8.0))[0], factor)
    others = [coarseness([5, 9, 2], *place, (1.0, 8.0)) for place in ((1, 3), (2, 2))]
    assert all(not torch.equal(together, other) for other in others)


def test_coarseness_is_uniform_by_octaves():
    factors = coarseness(range(2000), 0, 0, (0.5, 4.0)).double()
    assert factors.min() >= 0.5 - 1e-6
    assert factors.max() <= 4.0 + 1e-6
    octaves = factors.log2()
    assert float(octaves.mean()) == pytest.approx(0.5, abs=0.06)
    assert float(octaves.var()) == pytest.approx(9 / 12, rel=0.06)
    assert coarseness([3], 0, 0, (2.0, 2.0)).tolist() == [2.0]


def test_noise_leaves_torchs_own_generator_alone():
    before = torch.get_rng_state()
    unit_noise([1, 2], 0, 0, (3,), CPU)
    coarseness([1, 2], 0, 0, (1.0, 2.0))
    epoch_plan(10, 2, 0, 0)
    assert torch.equal(torch.get_rng_state(), before)
