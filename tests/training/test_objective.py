"""One step's losses against numpy, and who is trained with what."""

import numpy as np
import pytest
import torch
from scipy.fft import dctn
from scipy.stats import logistic

from cofeat.data.feed import HeldFeed
from cofeat.losses.compressibility import coefficients, compressibility_sum
from cofeat.network.build import build_network
from cofeat.network.heads.base import LossSum
from cofeat.training.objective import (
    Objective,
    build_entropy_model,
    build_weighting,
    compressibility_form,
    global_mean,
)


@pytest.fixture
def step(recipe, data):
    """Called with overrides, returns (objective, batch, noise, step) of eight images."""

    def make(*overrides):
        described = recipe(*overrides)
        torch.manual_seed(0)
        network = build_network(**described.network.model_dump())
        objective = Objective(
            network,
            build_weighting(described, network),
            compressibility_form(described),
            build_entropy_model(described, network),
        ).train()
        feed = HeldFeed(data[0], network.tasks, torch.device("cpu"))
        batch = next(iter(feed.batches([list(range(8))])))
        noise = torch.rand(8, *network.feature_shape((32, 64))) - 0.5
        return objective, batch, noise, objective(batch.images, batch.truths, noise)

    return make


def test_a_mean_is_over_elements_and_its_gradient_too():
    values = torch.tensor([1.0, 2.0, 6.0], requires_grad=True)
    mean = global_mean(LossSum(values.sum(), torch.tensor(3)))
    mean.square().backward()
    assert float(mean.detach()) == 3.0
    assert values.grad.tolist() == [2.0, 2.0, 2.0]  # 2 * mean / 3


def test_no_element_gives_zero_and_no_gradient():
    values = torch.zeros(2, requires_grad=True)
    mean = global_mean(LossSum((values * 0).sum(), torch.tensor(0)))
    mean.backward()
    assert float(mean.detach()) == 0.0
    assert values.grad.tolist() == [0.0, 0.0]


def test_losses_equal_numpy(step):
    objective, batch, noise, made = step()
    with torch.no_grad():
        features, outputs = objective.network(batch.images, noise)
    truths = {task: truth.numpy() for task, truth in batch.truths.items()}
    logits = outputs["segmentation"].double().numpy().transpose(0, 2, 3, 1)
    labels = truths["segmentation"]
    known = labels != 255
    logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = {"segmentation": -logs[known][np.arange(known.sum()), labels[known]].mean()}
    valid = truths["disparity"] > 0
    error = outputs["disparity"][:, 0].double().numpy() - truths["disparity"]
    expected["disparity"] = (error[valid] ** 2).mean()
    error = outputs["reconstruction"].double().numpy() - truths["reconstruction"] / 255
    expected["reconstruction"] = np.abs(error).mean()
    f = features.double().numpy()
    span = f.max(axis=(1, 2, 3), keepdims=True) - f.min(axis=(1, 2, 3), keepdims=True)
    f = f / span
    h, v = f.copy(), f.copy()
    h[..., 1:] -= f[..., :-1]
    v[..., 1:, :] -= f[..., :-1, :]
    expected["compressibility"] = np.abs(dctn((h + v) / 2, axes=(2, 3), norm="ortho")).mean()
    assert made.losses.keys() == expected.keys()
    for name, value in expected.items():
        assert float(made.losses[name]) == pytest.approx(value, rel=1e-4), name
    # Uncertainty at s = 0 for the tasks, 0.1 log L_c (the recipe) for compressibility.
    total = expected["segmentation"] + 0.5 * (expected["disparity"] + expected["reconstruction"])
    total += 0.1 * np.log(expected["compressibility"])
    assert float(made.total.detach()) == pytest.approx(total, rel=1e-4)
    assert float(made.feature_range) == pytest.approx(span.mean(), rel=1e-5)


def test_the_baseline_has_no_compressibility(step):
    *_, made = step("train.arm=baseline")
    assert set(made.losses) == set(made.weights) == {"segmentation", "disparity", "reconstruction"}


RATE = [
    "train.arm=rate", "network.step=0.5", "network.bottleneck=narrow",
    "network.bottleneck_channels=3", "loss.rate.pressure=0.25",
]  # fmt: skip


def test_the_rate_is_bits_per_pixel_of_what_is_sent(step):
    """Untrained, the model is a logistic of one step around zero."""
    objective, batch, noise, made = step(*RATE)
    with torch.no_grad():
        features, _ = objective.network(batch.images, noise)
    sent = (features + 0.5 * noise).double().numpy()
    masses = logistic.cdf(sent + 0.25, scale=0.5) - logistic.cdf(sent - 0.25, scale=0.5)
    expected = -np.log2(masses).sum() / (8 * 32 * 64)
    assert float(made.losses["rate"]) == pytest.approx(expected, rel=1e-3)
    assert float(made.weights["rate"]) == 0.25
    assert "compressibility" not in made.losses


def test_a_coarser_step_is_more_noise_and_fewer_bits(step):
    """Each image has its own; the model's unit is the least that is sent."""
    objective, batch, noise, _ = step(*RATE, "train.coarse=[2,8]")
    factors = torch.linspace(2, 8, 8)
    made = objective(batch.images, batch.truths, noise, factors)
    with torch.no_grad():
        features, _ = objective.network(batch.images, noise)
    steps = 0.5 * factors.double().view(-1, 1, 1, 1).numpy()
    sent = features.double().numpy() + steps * noise.double().numpy()
    masses = logistic.cdf(sent + steps / 2, scale=1.0) - logistic.cdf(sent - steps / 2, scale=1.0)
    expected = -np.log2(masses).sum() / (8 * 32 * 64)
    assert float(made.losses["rate"]) == pytest.approx(expected, rel=1e-3)


def test_coarse_noise_is_in_steps_of_each_images_own_range(step):
    """Without a fixed step a factor widens the noise as a coarser quantizer of that image would."""
    objective, batch, noise, _ = step("train.arm=baseline", "train.coarse=[1,16]")
    factors = torch.tensor([1.0, 2, 3, 4, 6, 8, 12, 16])
    seen = []
    objective.network.qlayer.register_forward_hook(lambda *call: seen.append((call[1], call[2])))
    objective(batch.images, batch.truths, noise, factors)
    ((features, _), received), *_ = seen
    features, received = (each.detach().double().numpy() for each in (features, received))
    steps = (features.max((1, 2, 3)) - features.min((1, 2, 3))) / 255
    expected = (steps * factors.numpy())[:, None, None, None] * noise.double().numpy()
    np.testing.assert_allclose(received - features, expected, atol=1e-5)


def test_every_parameter_of_the_arm_rate_is_trained(step):
    objective, batch, noise, _ = step(*RATE)
    # What hidden units tell is 0 at first, and no gradient goes through it to them.
    torch.nn.init.ones_(objective.entropy_model.told.weight)
    objective(batch.images, batch.truths, noise).total.backward()
    assert [name for name, p in objective.named_parameters() if p.grad is None] == []
    assert all(p.grad.any() for p in objective.entropy_model.parameters())


@pytest.mark.parametrize(
    ("words", "form", "per_channel"),
    [
        ([], "scale_free", False),
        (["network.per_channel=true"], "scale_free", True),
        (["loss.compressibility.form=literal"], "literal", False),
    ],
)
def test_the_form_of_the_recipe_is_used(step, words, form, per_channel):
    objective, batch, noise, made = step(*words)
    features = objective.network(batch.images, noise)[0].detach()
    expected = compressibility_sum(features, form, per_channel) / features.numel()
    assert float(made.losses["compressibility"]) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("words", "axes"),
    [([], (1, 2, 3)), (["network.per_channel=true"], (2, 3)), (["network.step=0.5"], None)],
)
def test_bits_are_counted_in_the_steps_that_the_noise_stands_for(step, words, axes):
    objective, batch, noise, _ = step(
        "loss.compressibility.form=bits", "train.coarse=[1,16]", *words
    )
    factors = torch.tensor([1.0, 2, 3, 4, 6, 8, 12, 16])
    made = objective(batch.images, batch.truths, noise, factors)
    features = objective.network(batch.images, noise)[0].detach()
    array = features.double().numpy()
    steps = np.full((1, 1, 1, 1), 0.5)
    if axes is not None:
        steps = (array.max(axes, keepdims=True) - array.min(axes, keepdims=True)) / 255
    steps = steps * factors.double().numpy()[:, None, None, None]
    expected = np.log2(1 + np.abs(coefficients(features).double().numpy()) / steps).mean()
    assert float(made.losses["compressibility"]) == pytest.approx(expected, rel=1e-4)


def test_weights_of_the_recipe_reach_the_total(step):
    words = [
        "loss.tasks.segmentation.rule=fixed", "loss.tasks.segmentation.pressure=2",
        "loss.compressibility.rule=uncertainty", "loss.compressibility.pressure=3",
    ]  # fmt: skip
    objective, *_, made = step(*words)
    weights = {name: float(weight) for name, weight in made.weights.items()}
    assert weights == {
        "segmentation": 2.0, "disparity": 0.5, "reconstruction": 0.5, "compressibility": 1.5,
    }  # fmt: skip
    assert set(objective.weighting.log_variances) == {
        "disparity", "reconstruction", "compressibility",
    }  # fmt: skip


def test_every_parameter_is_trained(step):
    """A parameter without a gradient would stop several processes."""
    objective, *_, made = step(
        "network.bottleneck=conv1x1", "loss.compressibility.rule=uncertainty"
    )
    made.total.backward()
    assert [name for name, p in objective.named_parameters() if p.grad is None] == []
    assert [name for name, p in objective.named_parameters() if not p.grad.any()] == []
