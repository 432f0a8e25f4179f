"""Learning from another network's outputs as well as from the truth."""

import pytest
import torch
from safetensors.torch import save_file

from cofeat.errors import InvalidInputError
from cofeat.network.build import find_checkpoint, load_network
from cofeat.network.heads.disparity import UNIT_PX
from cofeat.training.log import read_log
from cofeat.training.loop import train
from cofeat.training.recipe import load_recipe

# Disparity learns from the teacher alone but for a whisper of the truth.
TAUGHT = [
    "train.arm=baseline", "train.epochs=8", "train.validate_epochs=8", "train.learning_rate=3e-3",
    "loss.tasks.disparity.rule=fixed", "loss.tasks.disparity.pressure=1e-9",
    "loss.distillation.disparity.rule=log", "loss.distillation.disparity.pressure=0.5",
]  # fmt: skip


@pytest.fixture(scope="module")
def teacher(recipe_file, data, tmp_path_factory):
    """A run whose disparity says 50 px everywhere, which no truth does."""
    run = tmp_path_factory.mktemp("teacher")
    words = ["train.arm=baseline", "train.epochs=1", "network.tasks=[disparity,segmentation]"]
    assert train(load_recipe(recipe_file, words), run, data)
    network = load_network(run).network
    last = network.head("disparity").layers[-1]
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.constant_(last.bias, 50 / UNIT_PX)
    save_file(network.state_dict(), find_checkpoint(run) / "weights.safetensors")
    return run


def losses(run, name):
    return [float(row[name]) for row in read_log(run / "log.csv") if row[name]]


def test_a_task_comes_near_to_what_the_teacher_says(teacher, recipe, data, tmp_path):
    assert train(recipe(*TAUGHT, f"train.teacher={teacher}"), tmp_path, data)
    distances = losses(tmp_path, "loss_distillation_disparity")
    assert distances[-1] < 0.1 * distances[0]
    images = torch.stack([torch.as_tensor(data[1][0].image).permute(2, 0, 1)])
    network = load_network(tmp_path).network.eval()
    with torch.no_grad():
        made = network.predict(network.encode(images), tuple(images.shape[-2:]))["disparity"]
    assert float(made.mean()) == pytest.approx(50, abs=8)


def test_a_run_in_slices_ends_with_the_same_weights(teacher, recipe, data, weights, tmp_path):
    words = [*TAUGHT, f"train.teacher={teacher}"]
    assert train(recipe(*words), tmp_path / "whole", data)
    for _ in range(3):
        assert not train(recipe(*words, "machine.max_minutes=1e-9"), tmp_path / "slices", data)
    assert train(recipe(*words), tmp_path / "slices", data)
    ours, theirs = weights(tmp_path / "slices"), weights(tmp_path / "whole")
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


def test_a_teacher_without_the_task_is_refused(teacher, recipe, data, tmp_path):
    words = ["loss.distillation.reconstruction.pressure=1", f"train.teacher={teacher}"]
    with pytest.raises(InvalidInputError, match="has no task 'reconstruction'"):
        train(recipe(*words), tmp_path, data)
