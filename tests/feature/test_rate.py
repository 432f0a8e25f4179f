from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cofeat.errors import BudgetError, InvalidInputError
from cofeat.feature.bitstream import OVERHEAD_BYTES
from cofeat.feature.codecs import CodecSpec, load_codec
from cofeat.feature.pipeline import compress, decompress
from cofeat.feature.quantizer import quantize
from cofeat.feature.rate import (
    NEIGHBORS,
    LeakyBucket,
    bytes_of_bpfe,
    bytes_of_time,
    compress_quantized_to,
    compress_to,
    parse_ladder,
    parse_rate,
)


@dataclass(frozen=True, eq=False)
class Made:
    """A codec whose payload at setting s has ``sizes[s]`` bytes."""

    sizes: list[int]
    name: str = "made"
    id: int = 200
    lossless: bool = False
    min_setting: int = 0
    max_bits: int = 8
    encoded: list[int] = field(default_factory=list)

    @property
    def default_setting(self):
        return self.max_setting

    @property
    def max_setting(self):
        return len(self.sizes) - 1

    def encode(self, values, bits, setting):
        self.encoded.append(setting)
        return bytes(self.sizes[setting])

    def ladder(self):
        return tuple(CodecSpec(self, s) for s in range(self.max_setting, -1, -1))


ONE = quantize(np.zeros((1, 1, 1), np.float32))


def chosen(codec, max_bytes):
    """The setting that a budget leads to, or the smallest size where there is none."""
    try:
        data = compress_quantized_to(ONE, max_bytes, codec.ladder())
    except BudgetError as error:
        return error
    assert len(data) <= max_bytes
    assert len(data) == codec.sizes[data[7]] + OVERHEAD_BYTES
    return data[7]


SIZES = st.lists(st.integers(0, 200), min_size=1, max_size=60)


@given(SIZES, st.integers(0, 300))
def test_any_sizes_are_refused_only_if_none_fits_and_with_the_smallest(sizes, max_bytes):
    codec = Made(sizes)
    got = chosen(codec, max_bytes)
    smallest = min(sizes) + OVERHEAD_BYTES
    if smallest > max_bytes:
        assert got.smallest_bytes == smallest
        assert f"{max_bytes} bytes" in str(got)
        assert f"the smallest is {smallest} bytes" in str(got)
    else:
        fitting = [s for s, size in enumerate(sizes) if size + OVERHEAD_BYTES <= max_bytes]
        next_better = range(got + 1, got + 1 + NEIGHBORS)
        assert got == fitting[-1] or not set(next_better) & set(fitting)
    assert len(set(codec.encoded)) == len(codec.encoded)


@given(SIZES.map(sorted), st.integers(46, 300))
def test_growing_sizes_give_the_very_best_setting_in_few_trials(sizes, max_bytes):
    codec = Made(sizes)
    fitting = [s for s, size in enumerate(sizes) if size + OVERHEAD_BYTES <= max_bytes]
    if fitting:
        assert chosen(codec, max_bytes) == fitting[-1]
        assert len(codec.encoded) <= 2 + math.ceil(math.log2(len(sizes))) + NEIGHBORS


def test_setting_beyond_a_small_turn_is_found():
    # 4 is too large but 5 and 6 fit: bisection alone would stay at 3.
    codec = Made([10, 20, 30, 40, 60, 50, 50, 90, 100])
    assert chosen(codec, 50 + OVERHEAD_BYTES) == 6


def test_second_codec_is_asked_where_the_first_cannot():
    first, second = Made([70, 80], id=201), Made([10, 30, 50, 60], id=202)
    data = compress_quantized_to(ONE, 40 + OVERHEAD_BYTES, first.ladder() + second.ladder())
    assert (data[6], data[7]) == (202, 1)
    data = compress_quantized_to(ONE, 75 + OVERHEAD_BYTES, first.ladder() + second.ladder())
    assert (data[6], data[7]) == (201, 0)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1.2), st.sampled_from([3, 8]))
def test_real_codecs_against_trying_all(seed, share, bits):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, (9, 7, 9)))
    features = np.maximum(rng.normal(size=shape).cumsum(axis=2), 0).astype(np.float32)
    ladder = tuple(parse_ladder("png," + ",".join(f"jpeg:{q}" for q in range(100, 0, -9))))
    sizes = {rung: len(compress(features, rung, bits)) for rung in ladder}
    low, high = min(sizes.values()), max(sizes.values())
    max_bytes = round(low + share * (high - low)) - 3
    if low > max_bytes:
        with pytest.raises(BudgetError, match=f"the smallest is {low} bytes") as error:
            compress_to(features, max_bytes, ladder, bits)
        assert error.value.smallest_bytes == low
        return
    data = compress_to(features, max_bytes, ladder, bits, image_size=(5, 6), model_id=b"12345678")
    result = decompress(data)
    assert len(data) <= max_bytes
    assert result.stream.image_size == (5, 6)
    assert result.stream.model_id == b"12345678"
    best = next(rung for rung in ladder if sizes[rung] <= max_bytes)
    if best == ladder[0]:
        np.testing.assert_array_equal(result.quantized.values, quantize(features, bits).values)
    else:
        # JPEG's sizes turn around a little, and a rung here is nine steps of quality.
        got = next(r for r in ladder if (r.codec.id, r.setting) == (data[6], data[7]))
        between = ladder[ladder.index(best) : ladder.index(got)]
        assert got.codec.name == "jpeg"
        assert all(sizes[rung] > max_bytes for rung in between[-NEIGHBORS:])


def test_budget_that_all_settings_meet_gives_the_best(features):
    assert compress_to(features, 10**6) == compress(features, "png")
    assert compress_to(features, 10**6, "jpeg") == compress(features, "jpeg:100")
    assert compress_to(features, 10**6, "jpeg:90") == compress(features, "jpeg:90")


def test_codecs_that_cannot_hold_the_bits_are_left_out(features):
    assert compress_to(features, 10**6, "jpeg,png", bits=12) == compress(features, "png", 12)
    with pytest.raises(InvalidInputError, match="no codec of the ladder holds 12 bits"):
        compress_to(features, 10**6, "jpeg", bits=12)


def test_message_names_what_was_tried(features):
    smallest = min(len(compress(features, f"jpeg:{quality}")) for quality in range(1, 101))
    pattern = f"budget of 100 bytes .* png, jpeg:100 to jpeg:1: the smallest is {smallest} bytes"
    with pytest.raises(BudgetError, match=pattern):
        compress_to(features, 100)


def test_features_that_are_not_finite_are_refused(features):
    features[0, 0, 0] = np.nan
    with pytest.raises(InvalidInputError, match="1 of 480 features are NaN"):
        compress_to(features, 10**6)


def test_ladder_of_words():
    png, jpeg = load_codec("png"), load_codec("jpeg")
    assert parse_ladder("png:6, jpeg:90") == (CodecSpec(png, 6), CodecSpec(jpeg, 90))
    assert parse_ladder("jpeg") == tuple(CodecSpec(jpeg, quality) for quality in range(100, 0, -1))
    assert parse_ladder("png") == (CodecSpec(png, 9),)
    # NEAR is an error: the lowest is the best.
    assert [rung.setting for rung in parse_ladder("jpegls-near")] == list(range(1, 128))


@pytest.mark.parametrize("text", ["", " , ", "gif", "jpeg:0", "jpeg 90"])
def test_wrong_ladder_is_refused(text):
    with pytest.raises(InvalidInputError):
        parse_ladder(text)


@pytest.mark.parametrize(
    ("text", "bits_per_s"),
    [
        ("10Mbit", 10e6),
        ("500kbit", 5e5),
        ("500 Kbit/s", 5e5),
        ("2Mbps", 2e6),
        ("1.5MB/s", 12e6),
        ("1GB", 8e9),
        ("9600bit", 9600),
    ],
)
def test_rates(text, bits_per_s):
    assert parse_rate(text) == bits_per_s


@pytest.mark.parametrize(
    "text",
    ["", "10", "10M", "10Mb", "MB/s", "-1Mbit", "0Mbit", "1e3bit", "10MBps", "1Tbit", "٣kbit"],
)
def test_wrong_rates_are_refused(text):
    with pytest.raises(InvalidInputError, match=r"10Mbit|above 0"):
        parse_rate(text)


def test_budgets_by_hand():
    # 10 Mbit/s are 1,250,000 bytes a second: 12,500 in 10 ms.
    assert bytes_of_time(10, parse_rate("10Mbit")) == 12_500
    assert bytes_of_time(0.1, 1e6) == 12  # 12.5
    assert bytes_of_bpfe(0.3, 80) == 3
    assert bytes_of_bpfe(3.5, 1001) == 437  # 437.9375


def test_a_budget_beyond_every_stream_is_a_number_all_the_same():
    assert bytes_of_bpfe(1e308, 4096) == bytes_of_time(1e308, 1e10) == 2**53


@pytest.mark.parametrize("number", [0, -1, math.nan, math.inf])
def test_targets_that_are_none_are_refused(number):
    for call in (
        lambda: bytes_of_bpfe(number, 10),
        lambda: bytes_of_time(number, 1e6),
        lambda: bytes_of_time(1, number),
        lambda: LeakyBucket(number, 10),
        lambda: LeakyBucket(10, number),
    ):
        with pytest.raises(InvalidInputError, match="give a number above 0"):
            call()


def test_bucket_by_hand():
    bucket = LeakyBucket(bytes_per_s=1000, burst_bytes=500)
    assert bucket.budget_bytes(10.0) == 500
    bucket.take(500, 10.0)
    assert bucket.budget_bytes(10.0) == 0
    assert bucket.budget_bytes(10.25) == 250
    bucket.take(100, 10.25)
    assert bucket.budget_bytes(10.5) == 400
    assert bucket.budget_bytes(99.0) == 500  # idle time is not saved up beyond the burst
    with pytest.raises(InvalidInputError, match="501 bytes sent: the budget was 500"):
        bucket.take(501, 99.0)
    with pytest.raises(InvalidInputError, match="clock that never goes back"):
        bucket.budget_bytes(98.0)
    with pytest.raises(InvalidInputError, match="finite"):
        bucket.budget_bytes(math.nan)


@given(
    st.floats(0.1, 1e9),
    st.integers(1, 10**6),
    st.lists(st.tuples(st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=25),
)
def test_over_any_window_a_stream_keeps_to_rate_and_burst(rate, burst, frames):
    bucket = LeakyBucket(rate, burst)
    now_s, sent = 0.0, []
    for wait_s, share in frames:
        now_s += wait_s
        size = math.floor(share * bucket.budget_bytes(now_s))
        bucket.take(size, now_s)
        sent.append((now_s, size))
    for first, last in itertools.combinations_with_replacement(range(len(sent)), 2):
        window_s = Fraction(sent[last][0]) - Fraction(sent[first][0])
        total = sum(size for _, size in sent[first : last + 1])
        assert total <= Fraction(rate) * window_s + burst


def test_stream_of_frames_uses_its_link(features):
    """Every frame gets its share, and nearly all of the link's rate is used."""
    full = len(compress(features, "png"))
    bucket = LeakyBucket(bytes_per_s=30 * 0.8 * full, burst_bytes=full)
    sizes = []
    for frame in range(31):
        budget = bucket.budget_bytes(frame / 30)
        data = compress_to(features, budget)
        assert len(data) <= budget
        bucket.take(len(data), frame / 30)
        sizes.append(len(data))
    assert sizes[0] == full
    assert 0.9 * 0.8 * full < np.mean(sizes[1:]) <= 0.8 * full


def test_loop_of_the_docs_keeps_to_its_bucket(features):
    page = Path(__file__).parents[2] / "docs" / "compress.md"
    (block,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    module: dict = {}
    exec(compile(block, str(page), "exec"), module)
    full = len(compress(features, "zstd"))
    smallest = len(compress(features, "webp:25"))
    sent: list[bytes] = []
    # So slow a link that it gives nothing back while the test runs.
    bucket = LeakyBucket(bytes_per_s=1e-6, burst_bytes=full + smallest)
    module["send_all"]([features] * 3, sent.append, bucket)
    assert [len(stream) for stream in sent] == [full, smallest]
