"""The rules of weighting, worked by hand."""

import math

import pytest
import torch

from cofeat.losses.weighting import Term, Weighting


def total_of(term, loss, log_variance=None):
    weighting = Weighting({"a": term})
    if log_variance is not None:
        with torch.no_grad():
            weighting.log_variances["a"].fill_(log_variance)
    return float(weighting({"a": torch.tensor(loss)}).detach())


@pytest.mark.parametrize(
    ("term", "loss", "log_variance", "expected"),
    [
        # exp(-ln 2) * 3 + ln 2 / 2 = 1.5 + 0.34657
        (Term("classification"), 3.0, math.log(2), 1.846574),
        # half of the first part
        (Term("regression"), 3.0, math.log(2), 1.096574),
        # at s = 0 nothing but the loss, or half of it
        (Term("classification"), 3.0, 0.0, 3.0),
        (Term("regression"), 3.0, 0.0, 1.5),
        # the pressure multiplies both parts
        (Term("regression", pressure=10.0), 3.0, math.log(2), 10.96574),
        (Term("regression", "fixed", 0.25), 3.0, None, 0.75),
        (Term("classification", "fixed", 0.25), 3.0, None, 0.75),
        (Term("regression", "log", 0.5), math.e**2, None, 1.0),
        (Term("classification", "log", 0.5), math.e**2, None, 1.0),
    ],
)
def test_terms_by_hand(term, loss, log_variance, expected):
    assert total_of(term, loss, log_variance) == pytest.approx(expected, rel=1e-5)


def test_a_batch_without_truth_leaves_total_weight_and_gradient_finite():
    """Its loss is 0, which has no logarithm; it asks nothing of the network."""
    weighting = Weighting({"a": Term("regression", "log", 0.5)})
    nothing = torch.zeros((), requires_grad=True)
    total = weighting({"a": nothing})
    assert math.isfinite(float(total.detach()))
    (gradient,) = torch.autograd.grad(total, nothing)
    assert float(gradient) == 0
    assert math.isfinite(float(weighting.weights({"a": nothing})["a"]))


def every_rule():
    terms = {
        "a": Term("classification"),
        "b": Term("regression", pressure=3.0),
        "c": Term("regression", "fixed", 0.2),
        "d": Term("regression", "log", 0.03),
    }
    weighting = Weighting(terms)
    with torch.no_grad():
        weighting.log_variances["a"].fill_(0.7)
        weighting.log_variances["b"].fill_(-1.2)
    losses = {name: torch.tensor(0.5 + i) for i, name in enumerate(terms)}
    return weighting, losses


def test_the_total_is_the_sum_of_the_terms():
    weighting, losses = every_rule()
    expected = math.exp(-0.7) * 0.5 + 0.35
    expected += 3 * (0.5 * math.exp(1.2) * 1.5 - 0.6)
    expected += 0.2 * 2.5 + 0.03 * math.log(3.5)
    assert float(weighting(losses).detach()) == pytest.approx(expected, rel=1e-6)


def test_weights_are_the_derivatives_of_the_total():
    weighting, losses = every_rule()
    leaves = {name: loss.requires_grad_() for name, loss in losses.items()}
    gradients = torch.autograd.grad(weighting(leaves), list(leaves.values()))
    for weight, gradient in zip(weighting.weights(leaves).values(), gradients, strict=True):
        torch.testing.assert_close(weight, gradient)
        assert not weight.requires_grad


def test_only_the_rule_uncertainty_trains_a_parameter():
    weighting, _ = every_rule()
    assert [name for name, _ in weighting.named_parameters()] == [
        "log_variances.a",
        "log_variances.b",
    ]


def test_pressure_multiplies_the_gradients_of_loss_and_log_variance():
    """Inside the term it would cancel at the optimum; on the whole term it stays."""
    gradients = []
    for pressure in (1.0, 7.0):
        weighting = Weighting({"a": Term("regression", pressure=pressure)})
        loss = torch.tensor(2.0, requires_grad=True)
        weighting({"a": loss}).backward()
        gradients.append((float(loss.grad), float(weighting.log_variances["a"].grad)))
    # d/dL = 1/2, d/ds = -L/2 + 1/2
    assert gradients[0] == pytest.approx((0.5, -0.5))
    assert gradients[1] == pytest.approx((3.5, -3.5))


@pytest.mark.parametrize(
    ("kind", "log_variance"), [("classification", math.log(2 * 0.3)), ("regression", math.log(0.3))]
)
def test_at_its_optimum_a_trained_weight_acts_as_half_the_logarithm(kind, log_variance):
    """Over s the least of exp(-s) L + s/2 is at s = ln 2L, of exp(-s) L / 2 + s/2 at s = ln L."""
    weighting = Weighting({"a": Term(kind, pressure=0.6)})
    with torch.no_grad():
        weighting.log_variances["a"].fill_(log_variance)
    loss = torch.tensor(0.3, requires_grad=True)
    weighting({"a": loss}).backward()
    assert float(weighting.log_variances["a"].grad) == pytest.approx(0.0, abs=1e-6)
    as_logarithm = Weighting({"a": Term(kind, "log", 0.6 / 2)})
    assert float(loss.grad) == pytest.approx(float(as_logarithm.weights({"a": loss})["a"]))


def test_training_the_log_variance_finds_that_optimum():
    weighting = Weighting({"a": Term("regression")})
    optimizer = torch.optim.Adam(weighting.parameters(), 0.05)
    for _ in range(400):
        optimizer.zero_grad()
        weighting({"a": torch.tensor(0.05)}).backward()
        optimizer.step()
    assert float(weighting.log_variances["a"].detach()) == pytest.approx(math.log(0.05), abs=1e-3)
