"""The heads: the paper's chains, and losses against numpy."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from cofeat.errors import InvalidInputError
from cofeat.network.heads import HEADS, build_head
from cofeat.network.heads.base import MIN_CHANNELS
from cofeat.network.heads.disparity import UNIT_PX
from cofeat.tasks import load_task

OUTPUTS = {"segmentation": 19, "disparity": 1, "reconstruction": 3}
SIZE = (2, 6, 8)  # images, height, width


def convolutions(head):
    return [
        tuple(module.weight.shape)
        for module in head.modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d)
    ]


def case(task, seed=0):
    """A raw output and a truth with void and invalid pixels, as numpy arrays."""
    random = np.random.default_rng(seed)
    images, height, width = SIZE
    output = random.normal(0, 2, (images, OUTPUTS[task], height, width)).astype(np.float32)
    if task == "segmentation":
        truth = random.integers(0, 19, SIZE).astype(np.uint8)
        truth[random.random(SIZE) < 0.3] = 255
    elif task == "disparity":
        output *= 30
        truth = random.uniform(1, 90, SIZE).astype(np.float32)
        truth[random.random(SIZE) < 0.3] = 0
    else:
        truth = random.integers(0, 256, (images, 3, height, width)).astype(np.uint8)
    return output, truth


def loss_of(task, output, truth):
    head = build_head(task, 16, 2)
    total, elements = head.loss(torch.from_numpy(output), torch.from_numpy(truth))
    return float(total), int(elements)


@pytest.mark.parametrize("task", HEADS.names())
@pytest.mark.parametrize(
    ("channels", "stride", "widths"),
    [(512, 32, [512, 256, 128, 64, 32, 16]), (256, 16, [256, 128, 64, 32, 16])],
)
def test_parameters_have_the_papers_shapes(task, channels, stride, widths):
    """Transposed 2x2 halves the channels, 3x3 keeps them, 1x1 ends the chain."""
    expected = []
    for wide, narrow in itertools.pairwise(widths):
        expected += [(wide, narrow, 2, 2), (narrow, narrow, 3, 3)]
    expected.append((OUTPUTS[task], widths[-1], 1, 1))
    assert convolutions(build_head(task, channels, stride)) == expected


@pytest.mark.parametrize("task", HEADS.names())
def test_each_step_doubles_the_size(task):
    head = build_head(task, 32, 8)
    assert head(torch.zeros(2, 32, 3, 5)).shape == (2, OUTPUTS[task], 24, 40)


def multiplications(head, features):
    """Of all convolutions, for one image: weights times the places that each is applied to."""
    counts = []

    def count(module, inputs, output):
        # A transposed convolution applies all of its weights at each place of its input.
        transposed = isinstance(module, torch.nn.ConvTranspose2d)
        places = (inputs[0] if transposed else output)[0, 0].numel()
        counts.append(module.weight.numel() * places)

    for module in head.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d):
            module.register_forward_hook(count)
    head(features)
    return sum(counts)


@pytest.mark.parametrize("task", HEADS.names())
@pytest.mark.parametrize("stride", [2, 8])
def test_light_heads_have_the_same_shape_for_fewer_multiplications(task, stride):
    x = torch.zeros(2, 64, 3, 5)
    heads = [build_head(task, 64, stride, light=light) for light in (False, True)]
    assert heads[1](x).shape == heads[0](x).shape == (2, OUTPUTS[task], 3 * stride, 5 * stride)
    whole, light = (multiplications(head, x) for head in heads)
    # Of 19 classes there are 76 values a block, which cost what the last step would.
    assert light < (1 if task == "segmentation" else 0.5) * whole


def test_multiplications_of_a_head_by_hand():
    """Features of 16 channels, 2x2, at stride 2: up to 4x4, a 3x3 and a 1x1 convolution."""
    x = torch.zeros(1, 16, 2, 2)
    by_hand = 4 * 16 * 16 * 4 + 16 * 16 * 16 * 9 + 16 * 16
    assert multiplications(build_head("disparity", 16, 2), x) == by_hand
    assert multiplications(build_head("disparity", 16, 2, light=True), x) == 4 * 16 * 4 * 9


def test_light_heads_end_with_the_four_pixels_of_a_block():
    head = build_head("reconstruction", 16, 2, light=True)
    x = torch.randn(1, 16, 2, 3, generator=torch.Generator().manual_seed(0))
    last = next(module for module in head.modules() if isinstance(module, torch.nn.Conv2d))
    blocks, pixels = last(x).detach(), head(x).detach()
    for channel, dy, dx in itertools.product(range(3), range(2), range(2)):
        expected = blocks[:, 4 * channel + 2 * dy + dx]
        assert torch.equal(pixels[:, channel, dy::2, dx::2], expected)


def test_heads_of_narrow_encoders_stay_wide_enough():
    widths = {shape[0] for shape in convolutions(build_head("disparity", 24, 8))[1:-1]}
    assert widths == {MIN_CHANNELS}


def test_without_activation_a_head_is_linear():
    """f(a + b) + f(0) = f(a) + f(b) holds for it, and not with ReLU between."""
    torch.manual_seed(0)
    a, b = torch.randn(2, 1, 32, 2, 2)
    gaps = {}
    for activation in ("none", "relu"):
        f = build_head("reconstruction", 32, 4, activation)
        gaps[activation] = float(
            (f(a + b) + f(torch.zeros_like(a)) - f(a) - f(b)).detach().abs().max()
        )
    assert gaps["none"] < 1e-5 < gaps["relu"]


def test_disparity_comes_in_its_unit():
    head = build_head("disparity", 16, 2)
    x = torch.randn(1, 16, 2, 2)
    torch.testing.assert_close(head(x), head.layers(x) * UNIT_PX)


def test_segmentation_loss_equals_numpy():
    output, truth = case("segmentation")
    logs = log_softmax(output.astype(np.float64), axis=1)
    counted = truth != 255
    at = np.argwhere(counted)
    expected = -sum(logs[n, truth[n, i, j], i, j] for n, i, j in at)
    total, elements = loss_of("segmentation", output, truth)
    assert total == pytest.approx(expected, rel=1e-5)
    assert elements == len(at)


def test_disparity_loss_equals_numpy():
    output, truth = case("disparity")
    errors = (output[:, 0].astype(np.float64) - truth)[truth > 0]
    total, elements = loss_of("disparity", output, truth)
    assert total == pytest.approx((errors**2).sum(), rel=1e-5)
    assert elements == errors.size


def test_reconstruction_loss_equals_numpy():
    output, truth = case("reconstruction")
    expected = np.abs(output.astype(np.float64) - truth / 255).sum()
    total, elements = loss_of("reconstruction", output, truth)
    assert total == pytest.approx(expected, rel=1e-5)
    assert elements == 2 * 3 * 6 * 8


@settings(max_examples=30, deadline=None)
@given(
    task=st.sampled_from(["segmentation", "disparity"]),
    value=st.one_of(st.floats(-1e6, 1e6, width=32), st.sampled_from([np.inf, np.nan])),
    seed=st.integers(0, 1000),
)
def test_what_is_predicted_where_there_is_no_truth_changes_nothing(task, value, seed):
    """Neither the loss nor, whatever the value, any gradient."""
    output, truth = case(task, seed)
    ignored = (truth == 255) if task == "segmentation" else (truth == 0)
    if task == "segmentation" and not np.isfinite(value):
        value = 1e6  # a softmax over infinities has no answer anywhere
    changed = output.copy()
    changed.transpose(0, 2, 3, 1)[ignored] = value
    head = build_head(task, 16, 2)
    sums = []
    for values in (output, changed):
        leaf = torch.from_numpy(values).requires_grad_()
        total, elements = head.loss(leaf, torch.from_numpy(truth))
        total.backward()
        assert not leaf.grad.numpy().transpose(0, 2, 3, 1)[ignored].any()
        sums.append((float(total.detach()), int(elements), leaf.grad.numpy()))
    assert sums[0][:2] == sums[1][:2]
    np.testing.assert_array_equal(sums[0][2], sums[1][2])


@pytest.mark.parametrize("task", ["segmentation", "disparity"])
def test_a_batch_without_any_truth_has_loss_zero_over_no_elements(task):
    output, truth = case(task)
    truth[:] = 255 if task == "segmentation" else 0
    assert loss_of(task, output, truth) == (0.0, 0)


@pytest.mark.parametrize("task", HEADS.names())
def test_predictions_are_what_the_task_measures(task):
    output, truth = case(task)
    prediction = build_head(task, 16, 2).predict(torch.from_numpy(output)).numpy()
    if task == "segmentation":
        assert prediction.dtype == np.uint8
        np.testing.assert_array_equal(prediction, output.argmax(1))
    elif task == "disparity":
        np.testing.assert_array_equal(prediction, np.maximum(output[:, 0], 0))
    else:
        np.testing.assert_array_equal(prediction, np.clip(output, 0, 1).transpose(0, 2, 3, 1))
        truth = truth.transpose(0, 2, 3, 1)
    assert np.isfinite(load_task(task).figures(prediction[0], truth[0])).all()


def test_every_task_has_a_head():
    from cofeat.tasks import TASKS

    assert HEADS.names() == TASKS.names()


def test_an_unknown_task_is_refused():
    with pytest.raises(InvalidInputError, match="Did you mean 'disparity'"):
        build_head("disparty", 16, 2)


@pytest.mark.parametrize("task", HEADS.names())
def test_the_distance_from_another_networks_output_equals_numpy(task):
    own, taught = (case(task, seed)[0] for seed in (1, 2))
    head = build_head(task, 16, 2)
    total, elements = head.distance(torch.from_numpy(own), torch.from_numpy(taught))
    if task == "segmentation":
        logs = [log_softmax(each.astype(float), axis=1) for each in (own, taught)]
        expected = (np.exp(logs[1]) * (logs[1] - logs[0])).sum()
        assert int(elements) == np.prod(SIZE)
    else:
        expected = ((own.astype(float) - taught) ** 2).sum()
        assert int(elements) == own.size
    assert float(total) == pytest.approx(expected, rel=1e-4)
    assert float(head.distance(*[torch.from_numpy(own)] * 2).total) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("stride", [1, 3, 6])
def test_a_stride_that_no_doubling_reaches_is_refused(stride):
    with pytest.raises(InvalidInputError, match=f"have stride {stride}: .* is a power of two"):
        build_head("disparity", 16, stride)
