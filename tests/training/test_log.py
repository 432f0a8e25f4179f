"""log.csv and TensorBoard: rows survive a kill, and none is there twice."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cofeat.training.log import LOG_FILE, RunLog, read_log

COLUMNS = ["step", "epoch", "loss", "loss_disparity", "val_miou"]


def write(run, steps, at=0):
    with RunLog(run, COLUMNS, at) as log:
        for step in steps:
            log.row(step, step / 4, {"loss": 1 / step, "loss_disparity": 2.0 * step})


def steps_of(run):
    return [int(row["step"]) for row in read_log(run / LOG_FILE)]


def test_rows_have_all_columns_and_what_is_not_measured_is_empty(tmp_path):
    with RunLog(tmp_path, COLUMNS, 0) as log:
        log.row(3, 0.75, {"loss": 1 / 3, "elsewhere": 1.0})
    text = (tmp_path / LOG_FILE).read_text()
    assert text.splitlines() == ["step,epoch,loss,loss_disparity,val_miou", "3,0.75,0.333333,,"]


def test_a_row_is_in_the_file_at_once(tmp_path):
    with RunLog(tmp_path, COLUMNS, 0) as log:
        log.row(1, 0.25, {"loss": 1.0})
        assert steps_of(tmp_path) == [1]


def test_going_on_drops_the_rows_after_the_checkpoint(tmp_path):
    write(tmp_path, [1, 2, 3, 4])
    write(tmp_path, [3, 4, 5], at=2)
    assert steps_of(tmp_path) == [1, 2, 3, 4, 5]
    write(tmp_path, [1], at=0)  # no checkpoint was left: from the start
    assert steps_of(tmp_path) == [1]


@pytest.mark.parametrize("torn", ["5", "5,1.25", "5,1.25,0.2", "", "\n", "x,y,z,,"])
def test_a_row_that_a_kill_cut_short_is_left_out(tmp_path, torn):
    write(tmp_path, [1, 2])
    with (tmp_path / LOG_FILE).open("a") as file:
        file.write(torn)
    assert steps_of(tmp_path) == [1, 2]
    write(tmp_path, [3], at=2)
    assert steps_of(tmp_path) == [1, 2, 3]


def test_no_log_has_no_rows(tmp_path):
    assert read_log(tmp_path / LOG_FILE) == []


def test_tensorboard_goes_on_where_the_log_does(tmp_path):
    """A value after the checkpoint is replaced by that of the second try, none is lost."""
    write(tmp_path, [1, 2, 3, 4])
    write(tmp_path, [3, 4, 5], at=2)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert events.Tags()["scalars"] == ["loss", "loss/disparity"]
    assert [event.step for event in events.Scalars("loss/disparity")] == [1, 2, 3, 4, 5]
    assert [event.value for event in events.Scalars("loss/disparity")] == [2.0, 4.0, 6.0, 8.0, 10.0]


def test_what_was_told_before_a_checkpoint_is_in_tensorboards_file(tmp_path):
    with RunLog(tmp_path, COLUMNS, 0) as log:
        log.row(1, 0.25, {"loss": 1.0})
        log.picture(1, "segmentation", np.zeros((4, 6, 3), np.uint8))
        log.flush()
        events = EventAccumulator(str(tmp_path / "tensorboard"))
        events.Reload()
        assert events.Tags()["scalars"] == ["loss"]
        assert events.Tags()["images"] == ["segmentation"]
