"""Tables learned from features whose entropy is known."""

import numpy as np
import pytest
from scipy.special import entr
from scipy.stats import logistic

from cofeat.errors import InvalidInputError
from cofeat.feature.codecs.cofeat_learned import COFEAT_LEARNED
from cofeat.feature.entropy.learned import LearnedTables
from cofeat.feature.quantizer import Quantized, stepped_range
from cofeat.losses.rate import causal_mask
from cofeat.training.learned_tables import UNIT, learn_tables

BITS, SHAPE = 12, (3, 16, 16)
# At setting 16 a step is a unit.
SETTING = 16
SCALES = (3.0, 2.0, 1.0)


def tensor(seed):
    """Channel 2 is channel 0 one row below and noise, all of them whole units."""
    rng = np.random.default_rng(seed)
    units = np.stack([np.rint(rng.logistic(0, scale, SHAPE[1:])) for scale in SCALES])
    units[2, :-1] += units[0, 1:]
    values = np.clip(UNIT * units + (1 << BITS - 1), 0, (1 << BITS) - 1)
    return Quantized(values.astype(np.uint16), stepped_range(1.0, BITS), BITS)


def entropy_bits(scale):
    """Of a logistic number rounded to an integer."""
    edges = np.arange(-200, 202) - 0.5
    masses = np.diff(logistic.cdf(edges, scale=scale))
    return entr(masses).sum() / np.log(2)


@pytest.fixture(scope="module")
def learned():
    told = []
    tables = learn_tables(
        [tensor(seed) for seed in range(32)],
        (UNIT, UNIT),
        passes=200,
        on_progress=lambda *p: told.append(p),
    )
    assert told == [(done, 200) for done in range(1, 201)]
    return tables


def test_learned_tables_come_near_the_entropy(learned):
    codec, held_out = COFEAT_LEARNED.with_tables(learned), [tensor(100 + i) for i in range(8)]
    sizes = {"with": 0, "without": 0}
    for one in held_out:
        payload = codec.encode(one.values, BITS, SETTING)
        np.testing.assert_array_equal(codec.decode(payload, SHAPE, BITS, SETTING), one.values)
        sizes["with"] += len(payload)
        sizes["without"] += len(COFEAT_LEARNED.encode(one.values, BITS, SETTING))
    places = len(held_out) * SHAPE[1] * SHAPE[2]
    entropy_bytes = places * sum(map(entropy_bits, SCALES)) / 8
    # No code is shorter but by luck; a stream's end costs some bytes.
    assert 0.98 * entropy_bytes < sizes["with"] < 1.05 * entropy_bytes
    assert sizes["with"] < 0.9 * sizes["without"]


def test_what_is_learned_is_the_structure(learned):
    """Channel 2 costs its noise alone, until channel 0 no longer is what is below it."""
    assert learned.groups == 3
    codec, sizes = COFEAT_LEARNED.with_tables(learned), [0, 0]
    for seed in range(100, 108):
        values = tensor(seed).values
        other = values.copy()
        other[0] = tensor(seed + 100).values[0]
        sizes[0] += len(codec.encode(values, BITS, SETTING))
        sizes[1] += len(codec.encode(other, BITS, SETTING))
    # Told of its noise, 1 wide, it costs 1.7 bits of 11.2 more where that is 3 wide, and then some.
    assert sizes[1] > 1.15 * sizes[0]


def test_tables_learned_twice_are_the_same_and_a_file_holds_them():
    tensors = [tensor(seed) for seed in range(3)]
    tables = [learn_tables(tensors, (UNIT, 2 * UNIT), passes=2) for _ in range(2)]
    assert tables[0].to_bytes() == tables[1].to_bytes()
    assert LearnedTables.from_bytes(tables[0].to_bytes()).id == tables[0].id


def test_group_mask_by_hand():
    """Three channels in two groups: the first alone, then two that see it and each other's row."""
    none, all_ = [[0] * 3] * 3, [[1] * 3] * 3
    above = [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    expected = [[above, none, none], [all_, above, above], [all_, above, above]]
    assert causal_mask(3, 2).tolist() == expected


@pytest.mark.parametrize("count", [0, 2])
def test_features_of_one_shape_are_needed(count):
    tensors = [tensor(0), Quantized(tensor(1).values[:1], stepped_range(1.0, BITS), BITS)][:count]
    with pytest.raises(InvalidInputError, match="features of one shape: give some"):
        learn_tables(tensors, (UNIT, UNIT), passes=1)
