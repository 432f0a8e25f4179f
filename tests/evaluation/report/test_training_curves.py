import re

from cofeat.evaluation.report.training_curves import MAX_POINTS, training_groups

NAN = float("nan")


def test_columns_are_grouped_and_those_without_a_value_are_left_out():
    log = {
        "step": [0, 1],
        "loss": [2.0, 1.0],
        "loss_disparity": [2.0, 1.0],
        "weight_disparity": [1.0, 1.0],
        "pressure_compressibility": [0.1, 0.1],
        "val_miou": [NAN, 0.3],
        "lr": [NAN, NAN],
    }
    groups = {title: [name for name, _ in plots] for title, plots in training_groups({"a": log})}
    assert groups == {
        "Losses": ["Total loss", "Disparity"],
        "Weights": ["Weight of disparity", "Pressure of compressibility"],
        "Validation": ["mIoU"],
    }


def test_long_logs_are_averaged_over_neighboring_rows():
    steps = [float(step) for step in range(50 * MAX_POINTS)]
    up_and_down = [1.0 + step % 2 for step in steps]
    [(_, [(_, svg)])] = training_groups({"proposed": {"step": steps, "loss": up_and_down}})
    [path] = re.findall(r'd="([^"]*)"[^>]*stroke: var\(--curve-proposed\)', svg)
    heights = {float(y) for y in re.findall(r"[ML] \S+ (\S+)", path)}
    assert len(heights) == 1  # every average of fifty rows is 1.5


def test_nothing_logged_draws_nothing():
    assert training_groups({}) == []
    assert training_groups({"baseline": {}}) == []
