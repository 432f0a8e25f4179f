"""The entropy model's bits against loops in doubles, and what each value may be told from."""

import itertools

import numpy as np
import pytest
import torch
from scipy.special import expit
from scipy.stats import logistic

from cofeat.losses.rate import MIN_PROBABILITY, EntropyModel, causal_mask

SHAPE = (3, 4, 5)
# A group of one channel, and one of two.
GROUPS, HIDDEN = 2, 4
GROUP = (0, 1, 1)


def random_model(seed=0, step=0.5, unit=2.0, channels=SHAPE[0]):
    model = EntropyModel(channels, step, unit, GROUPS, HIDDEN)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return model


def features(*shape, seed=0):
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def bits_by_loops(model, x, half):
    """Bits of one image (C, H, W), in doubles, from the formulas of the file's head."""
    channels, height, width = x.shape
    values = x / model.unit
    signed = np.sign(values) * np.log2(1 + np.abs(values))
    numbers = {name: value.detach().double().numpy() for name, value in model.named_parameters()}

    def known(own, y, j):
        """Places that a value of a group is told from, with where their weights stand."""
        for other, dy, dx in itertools.product(range(channels), (-1, 0, 1), (-1, 0, 1)):
            seen = GROUP[other] < own or (GROUP[other] == own and dy == -1)
            if seen and 0 <= y + dy < height and 0 <= j + dx < width:
                yield (other, y + dy, j + dx), (other, dy + 1, dx + 1)

    def convolved(name, out, own, y, j, given):
        weights = numbers[f"{name}.weight"][out]
        told = (weights[tap] * given[place] for place, tap in known(own, y, j))
        return numbers[f"{name}.bias"][out] + sum(told)

    bits = np.zeros(x.shape)
    for c, y, j in np.ndindex(x.shape):
        own = GROUP[c]
        mean = convolved("mean", c, own, y, j, values)
        units = range(own * HIDDEN, (own + 1) * HIDDEN)
        first = [max(convolved("first", unit, own, y, j, signed), 0) for unit in units]
        second = numbers["second.weight"][units, :, 0, 0] @ first + numbers["second.bias"][units]
        told = numbers["told.weight"][:, units, 0, 0] @ np.maximum(second, 0)
        mean = model.unit * (mean + told[c])
        scale = model.unit * 2.0 ** (numbers["octaves"][c] + told[channels + c])
        upper, lower = ((x[c, y, j] + sign * half - mean) / scale for sign in (1, -1))
        if lower > 0:  # the same by symmetry, where it is exact
            upper, lower = -lower, -upper
        bits[c, y, j] = -np.log2(max(expit(upper) - expit(lower), MIN_PROBABILITY))
    return bits


def test_untrained_bits_are_those_of_a_logistic_of_one_unit():
    values = torch.arange(-12, 13).float().view(1, 1, 5, 5)
    bits = EntropyModel(1, 1.0, 3.0, 1, HIDDEN)(values).detach().double().numpy().ravel()
    edges = np.arange(-12, 14) - 0.5
    expected = -np.log2(np.diff(logistic.cdf(edges, scale=3.0)))
    np.testing.assert_allclose(bits, expected, rtol=1e-4)


def test_bits_of_all_integers_are_a_code():
    """Their probabilities are of sum 1, whatever mean and scale."""
    model = random_model(step=1.0, channels=1)
    values = torch.arange(-400, 401).float().view(-1, 1, 1, 1)
    assert float(torch.exp2(-model(values).detach()).sum()) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("coarseness", [None, 3.0])
def test_bits_equal_loops(coarseness):
    model, x = random_model(), features(2, *SHAPE)
    factors = None if coarseness is None else torch.tensor([1.0, coarseness])
    bits = model(x, factors)
    assert bits.shape == x.shape
    for image, factor in ((0, 1.0), (1, coarseness or 1.0)):
        expected = bits_by_loops(model, x[image].double().numpy(), 0.25 * factor)
        np.testing.assert_allclose(bits[image].detach().numpy(), expected, rtol=1e-3, atol=1e-4)


def test_gradients_equal_differences_of_the_loops():
    model, x = random_model(1, channels=2), features(1, 2, 3, 3, seed=1).requires_grad_()
    model(x).sum().backward()
    before = x.detach()[0].double().numpy()
    for place in np.ndindex(before.shape):
        sums = []
        for sign in (1, -1):
            moved = before.copy()
            moved[place] += sign * 1e-5
            sums.append(bits_by_loops(model, moved, 0.25).sum())
        assert float(x.grad[0][place]) == pytest.approx((sums[0] - sums[1]) / 2e-5, abs=2e-3)


@pytest.mark.parametrize("place", [(0, 0, 0), (1, 2, 2), (2, 3, 4)])
def test_no_value_is_told_from_itself_or_what_comes_later(place):
    """Rows of a group are coded whole, group after group."""
    model, x = random_model(), features(1, *SHAPE)
    c, y, j = place
    changed = x.clone()
    changed[(0, *place)] += 1.5
    with torch.no_grad():
        differs = (model(x) != model(changed))[0].numpy()
    for other, row, column in np.ndindex(SHAPE):
        near = abs(row - y) <= 1 and abs(column - j) <= 1
        below = GROUP[other] == GROUP[c] and row == y + 1
        itself = (other, row, column) == place
        later = GROUP[other] > GROUP[c] or below
        assert differs[other, row, column] == (itself or (near and later))


def test_mask_by_hand():
    above = [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    none, all_ = [[0] * 3] * 3, [[1] * 3] * 3
    assert causal_mask(2, 2).tolist() == [[above, none], [all_, above]]


def test_untrained_hidden_units_tell_nothing_and_learn():
    """So that a model begins with each channel on its own, and its gradients reach them."""
    x = features(1, *SHAPE)
    model = EntropyModel(3, 0.5, 2.0, GROUPS, HIDDEN)
    bits = model(x)
    expected = -np.log2(np.diff(logistic.cdf(np.stack([x - 0.25, x + 0.25]), scale=2.0), axis=0))
    np.testing.assert_allclose(bits.detach(), expected[0], rtol=1e-3)
    bits.sum().backward()
    assert model.told.weight.grad.abs().max() > 0.1


def test_what_is_all_but_impossible_costs_a_limit_and_stays_finite():
    model = EntropyModel(1, 1.0, 1.0, 1, HIDDEN)
    x = torch.tensor([0.0, 1e4, -1e9, 3e38]).view(1, 1, 2, 2).requires_grad_()
    bits = model(x)
    assert bits.detach().ravel()[1:].tolist() == [30.0] * 3
    bits.sum().backward()
    assert x.grad.isfinite().all()


def test_training_finds_mean_and_scale():
    """Of logistic numbers around 5 of scale 2: the least bits there are."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(np.rint(rng.logistic(5, 2, (1, 1, 64, 64))).astype(np.float32))
    model = EntropyModel(1, 1.0, 1.0, 1, HIDDEN)
    optimizer = torch.optim.Adam(model.parameters(), 0.05)
    for _ in range(250):
        optimizer.zero_grad()
        bits = model(x).mean()
        bits.backward()
        optimizer.step()
    # log2(2) + 2 log2(e) bits.
    assert float(bits.detach()) == pytest.approx(1 + 2 / np.log(2), rel=0.02)
