import numpy as np
import pytest

from cofeat.errors import BudgetError, InvalidInputError
from cofeat.feature.budget import Budget, Coding
from cofeat.feature.pipeline import compress

FEATURES = np.random.default_rng(0).normal(size=(4, 8, 8)).astype(np.float32)
GIVEN = (6, False, (32, 32), b"01234567")


def test_a_budget_in_its_three_ways():
    assert Budget().bytes_for(1000) is None
    assert Budget(max_bytes=77).bytes_for(1000) == 77
    assert Budget(bpfe=2.0).bytes_for(1000) == 250
    assert Budget(time_ms=10, link="1Mbit").bytes_for(1000) == 1250


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_bytes": 0}, "at least 1"),
        ({"bpfe": -1.0}, "above 0"),
        ({"time_ms": 10}, "--ms and --link go together"),
        ({"link": "1Mbit"}, "--ms and --link go together"),
        ({"time_ms": 10, "link": "fast"}, "rate 'fast'"),
        ({"max_bytes": 10, "bpfe": 1.0}, "several budgets"),
    ],
)
def test_budgets_that_cannot_be(values, message):
    with pytest.raises(InvalidInputError, match=message):
        Budget(**values)


def test_without_a_budget_the_codec_or_the_default():
    for coding, codec in (
        (Coding(), "png"),
        (Coding("zstd"), "zstd"),
        (Coding(default="webp:50"), "webp:50"),
    ):
        assert coding.compress(FEATURES, *GIVEN) == compress(FEATURES, codec, *GIVEN)


def test_bits_that_no_codec_holds_are_refused_before_there_are_features():
    Coding("jpeg").check(8)
    Coding("jpeg,png", Budget(1000)).check(12)
    Coding(None, Budget(1000)).check(12)
    with pytest.raises(InvalidInputError, match="'jpeg' holds up to 8 bits, not 12"):
        Coding("jpeg").check(12)
    with pytest.raises(InvalidInputError, match="'jpeg' holds up to 8 bits, not 12"):
        Coding("jpeg,webp", Budget(1000)).check(12)


def test_within_a_budget_the_best_that_fits():
    exact = len(compress(FEATURES, "zstd", *GIVEN))
    assert len(Coding("zstd,jpeg", Budget(exact)).compress(FEATURES, *GIVEN)) == exact
    assert len(Coding("zstd,jpeg", Budget(exact - 1)).compress(FEATURES, *GIVEN)) < exact
    with pytest.raises(BudgetError):
        Coding("zstd", Budget(exact - 1)).compress(FEATURES, *GIVEN)
