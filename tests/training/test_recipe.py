"""Recipes: typed, checked, overridden, each error one line."""

from pathlib import Path

import pytest
import yaml

from cofeat.errors import InvalidInputError
from cofeat.training.recipe import Recipe, load_recipe, parse_recipe

RECIPES = sorted(Path("recipes").glob("*.yaml"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("name: r\n")
    return path


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
@pytest.mark.parametrize("arm", ["baseline", "proposed"])
def test_the_recipes_we_ship_load_with_both_arms(path, arm):
    recipe = load_recipe(path, [f"train.arm={arm}"])
    assert (recipe.name, recipe.train.arm) == (path.stem, arm)


def test_there_are_recipes():
    assert {"quick", "cityscapes-encoder1"} <= {path.stem for path in RECIPES}


def test_defaults_are_the_papers(file):
    recipe = load_recipe(file)
    assert recipe.network.encoder == "resnet34"
    assert (recipe.network.bits, recipe.data.size) == (8, "512x256")
    train = recipe.train
    assert (train.epochs, train.learning_rate, train.power) == (250, 1e-3, 0.9)
    assert recipe.loss.compressibility.rule == "uncertainty"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.epochs=3", 3),
        ("train.learning_rate=1e-3", 1e-3),
        ("train.learning_rate=2.5E-4", 2.5e-4),
        ("train.flip=false", False),
        ("network.tasks=[disparity, segmentation]", ("disparity", "segmentation")),
        ("evaluate.codecs=[png,jpeg:80]", ("png", "jpeg:80")),
        ("network.noise=0.002", 0.002),
        ("network.noise=step", "step"),
        ("data.train=null", None),
        ("machine.devices=auto", "auto"),
        ("machine.devices=2", 2),
        ("loss.compressibility.pressure=3e-2", 0.03),
        ("data.root=/data/with=sign", "/data/with=sign"),
    ],
)
def test_overrides(file, override, expected):
    value = load_recipe(file, [override])
    for name in override.partition("=")[0].split("."):
        value = getattr(value, name)
    assert value == expected
    assert type(value) is type(expected)


def test_overrides_reach_tables_by_name_and_the_last_one_wins(file):
    recipe = load_recipe(file, ["loss.tasks.disparity.rule=fixed", "train.seed=1", "train.seed=2"])
    assert recipe.loss.tasks["disparity"].rule == "fixed"
    assert recipe.train.seed == 2


def test_numbers_in_the_file_may_be_written_like_1e_3(file):
    file.write_text("name: r\ntrain: {learning_rate: 1e-3}\n")
    assert load_recipe(file).train.learning_rate == 1e-3


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_written_recipe_is_the_same_again(path, tmp_path):
    overrides = ["network.noise=0.002", "loss.tasks.disparity.pressure=2"]
    recipe = load_recipe(path, overrides)
    written = tmp_path / "whole.yaml"
    written.write_text(recipe.to_yaml())
    assert load_recipe(written) == recipe
    tree = yaml.safe_load(written.read_text())
    assert set(tree) == set(Recipe.model_fields)  # defaults included


MISTAKES = {
    "train.epocs=3": "unknown key 'train.epocs': did you mean 'train.epochs'?",
    "trian.epochs=3": "unknown key 'trian': did you mean 'train'?",
    "epochs=3": "unknown key 'epochs': did you mean 'train.epochs'?",
    "loss.tasks.disparity.presure=3": "did you mean 'loss.tasks.disparity.pressure'?",
    "loss.compressibility.from=literal": "did you mean 'loss.compressibility.form'?",
    "network.xyzzy=1": "unknown key 'network.xyzzy': use one of encoder, cut, weights",
    "train.epochs=many": "'train.epochs' is 'many': Input should be a valid integer",
    "train.epochs=1.5": "'train.epochs' is 1.5",
    "train.epochs=0": "'train.epochs' is 0: Input should be greater than or equal to 1",
    "train.learning_rate=nan": "'train.learning_rate' is nan",
    "train.learning_rate=.inf": "'train.learning_rate' is inf",
    "train.arm=propsed": "is 'propsed': Input should be 'baseline', 'proposed' or 'rate'",
    "network.step=0": "'network.step' is 0: Input should be greater than 0",
    "train.coarse=[4,1]": "train.coarse is 4.0 to 1.0: give two numbers, least first",
    "train.coarse=[0,1]": "train.coarse is 0.0 to 1.0: give two numbers, least first",
    "train.coarse=[1]": "the key 'train.coarse.1' is needed",
    "train.freeze=encoder": "'train.freeze' is 'encoder'",
    "network.bits=17": "'network.bits' is 17: Input should be less than or equal to 16",
    "network.noise=stpe": "'network.noise' is 'stpe': Input should be 'step' or Input should",
    "network.tasks=segmentation": "'network.tasks' is 'segmentation'",
    "machine.devices=[1]": "'machine.devices' is [1]: ",
    "machine.precision=bf16": "Input should be '32-true', 'bf16-mixed' or '16-mixed'",
    "data.size=512": "'data.size' is 512",
    "data.size=512by256": "size '512by256' is not WIDTHxHEIGHT",
    "loss.distillation.depth.pressure=2": (
        "loss.distillation names 'depth', which is none of network.tasks"
    ),
    "loss.distillation.disparity.pressure=2": "loss.distillation wants a teacher: give train.teac",
    "train.teacher=runs/a": "no task learns from it: name some in loss.distillation",
    "train.bottleneck_start=principal": "there is no bottleneck: give network.bottleneck=narrow",
    "loss.tasks.depth.pressure=2": "loss.tasks names 'depth', which is none of network.tasks",
    "train=5": "'train' is 5",
    "name=": "'name' is None",
    "name=a/b": "'name' is 'a/b'",
    "train.epochs.x=5": "'epochs' is a value, not a section",
    "train.epochs": "'train.epochs' is not KEY=VALUE, such as train.epochs=50",
    "=3": "'=3' is not KEY=VALUE",
    "train.epochs=[": "the value of 'train.epochs=[' is not YAML",
}


@pytest.mark.parametrize("override", MISTAKES)
def test_mistakes_are_told_in_one_line(file, override):
    file.write_text("name: r\ntrain: {epochs: 9}\n")
    with pytest.raises(InvalidInputError) as caught:
        load_recipe(file, [override])
    assert MISTAKES[override] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_all_mistakes_are_told_at_once(file):
    with pytest.raises(InvalidInputError) as caught:
        load_recipe(file, ["train.epocs=3", "network.bits=0"])
    assert "'train.epocs'" in str(caught.value)
    assert "'network.bits' is 0" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"train: {epochs: 3", "is not YAML"),
        (b"a: b: c\n", "is not YAML"),
        (b"\xff\xfe\x00\x00", "is not YAML"),
        (b"- a list\n", "must be a table of sections"),
        (b"", "must be a table of sections"),
        (b"train: {epochs: 3}\n", "the key 'name' is needed"),
        (b"name: r\n1: 2\n", "'1'"),
        (b"!!python/object/apply:os.getcwd []\n", "is not YAML"),
    ],
)
def test_files_that_are_no_recipe(file, content, message):
    file.write_bytes(content)
    with pytest.raises(InvalidInputError) as caught:
        load_recipe(file)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InvalidInputError, match="cannot read recipe"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(InvalidInputError, match="cannot read recipe"):
        load_recipe(tmp_path)


def test_messages_name_where_the_values_come_from():
    with pytest.raises(InvalidInputError, match="here: unknown key"):
        parse_recipe({"name": "r", "colour": 1}, "here")


def test_a_recipe_does_not_change():
    recipe = parse_recipe({"name": "r"}, "here")
    with pytest.raises(ValueError, match="frozen"):
        recipe.train.epochs = 3
