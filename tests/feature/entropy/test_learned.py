from __future__ import annotations

import itertools
import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs.cofeat_learned import COFEAT_LEARNED, STEPS
from cofeat.feature.entropy.fitted import FittedTables
from cofeat.feature.entropy.learned import LearnedTables, group_shapes, without_learning
from cofeat.feature.entropy.learned_rows import fixed_rows
from cofeat.feature.pipeline import compress, decompress_quantized
from cofeat.feature.tables import read_tables

HEAD_BYTES, CRC_BYTES = 13, 4


def tables_of(channels, groups, hidden=3, seed=0, most=900):
    """Tables of a model that never was: any biases, and weights up to a magnitude."""
    rng = np.random.default_rng([seed, channels, groups])
    return LearnedTables(
        groups,
        rng.integers(-(1 << 20), 1 << 20, channels).astype(np.int32),
        rng.integers(0, 50 << 14, channels).astype(np.int32),
        rng.integers(-(1 << 18), 1 << 18, (2, groups, hidden)).astype(np.int32),
        *(
            tuple(rng.integers(-most, most + 1, shape).astype(np.int16) for shape in kind)
            for kind in group_shapes(channels, groups, hidden)
        ),
    )


def values_of(shape, bits, seed=0):
    """Integers around the middle, a few of them anywhere."""
    rng = np.random.default_rng(seed)
    top = (1 << bits) - 1
    values = np.rint(rng.laplace(1 << bits - 1, 0.05 * top + 0.3, shape))
    values = np.where(rng.random(shape) < 0.05, rng.integers(0, top + 1, shape), values)
    return np.clip(values, 0, top).astype(np.uint8 if bits <= 8 else np.uint16)


def mended(data):
    """The same with the checksum right again."""
    return data[:-CRC_BYTES] + struct.pack("<I", zlib.crc32(data[:-CRC_BYTES]))


@pytest.fixture(scope="module")
def made():
    return tables_of(5, 2)


@pytest.mark.parametrize(
    ("channels", "groups", "hidden"), [(1, 1, 1), (5, 2, 0), (7, 7, 4), (12, 5, 255)]
)
def test_file_there_and_back(channels, groups, hidden):
    tables = tables_of(channels, groups, hidden)
    data = tables.to_bytes()
    again = read_tables(data)
    assert isinstance(again, LearnedTables)
    assert again.to_bytes() == data
    assert again.id == tables.id
    assert len(again.id) == 4
    assert (again.channels, again.groups, again.hidden) == (channels, groups, hidden)
    np.testing.assert_array_equal(again.mean_bias, tables.mean_bias)
    np.testing.assert_array_equal(again.scale_bias, tables.scale_bias)
    np.testing.assert_array_equal(again.hidden_bias, tables.hidden_bias)
    for kind in ("mean", "first", "second", "told"):
        for mine, theirs in zip(getattr(again, kind), getattr(tables, kind), strict=True):
            np.testing.assert_array_equal(mine, theirs)


def test_every_flipped_bit_and_every_truncation_is_refused(made):
    data = made.to_bytes()
    for position in range(8 * len(data)):
        harmed = bytearray(data)
        harmed[position // 8] ^= 1 << position % 8
        with pytest.raises(BitstreamError):
            read_tables(bytes(harmed))
    for length in range(len(data)):
        with pytest.raises(BitstreamError):
            read_tables(data[:length])
    with pytest.raises(BitstreamError, match="bytes follow"):
        read_tables(data + b"\0")


@given(place=st.integers(0, HEAD_BYTES + 40), value=st.integers(0, 255))
def test_harm_under_a_right_checksum_gives_tables_or_our_error(made, place, value):
    harmed = bytearray(made.to_bytes())
    harmed[place] = value
    try:
        again = read_tables(mended(bytes(harmed)))
    except BitstreamError:
        return
    # What is taken is whole: it can be written, and coded with.
    assert read_tables(again.to_bytes()).id == again.id
    codec = COFEAT_LEARNED.with_tables(again)
    values = values_of((again.channels, 2, 3), 8)
    payload = codec.encode(values, 8, 0)
    np.testing.assert_array_equal(codec.decode(payload, values.shape, 8, 0), values)


def test_body_that_inflates_to_more_is_refused(made):
    bomb = zlib.compress(bytes(1 << 24))
    head = made.to_bytes()[: HEAD_BYTES - 4] + struct.pack("<I", len(bomb))
    with pytest.raises(BitstreamError, match="another length"):
        read_tables(mended(head + bomb + bytes(CRC_BYTES)))


@pytest.mark.parametrize(("groups", "channels"), [(0, 5), (6, 5), (1, 0), (1, 4097)])
def test_fields_out_of_range_are_refused(made, groups, channels):
    data = bytearray(made.to_bytes())
    data[5], data[7:9] = groups, struct.pack("<H", channels)
    with pytest.raises(BitstreamError, match="out of range"):
        read_tables(mended(bytes(data)))


@pytest.mark.parametrize("value", [-(1 << 31), -(1 << 30) - 1, (1 << 30) + 1])
@pytest.mark.parametrize("name", ["mean_bias", "scale_bias"])
def test_biases_out_of_range_are_refused(made, name, value):
    with pytest.raises(BitstreamError, match="out of range"):
        replace(made, **{name: np.full(5, value, np.int32)})


@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 9)),
    groups=st.integers(0, 6),
    hidden=st.integers(0, 5),
    bits=st.integers(1, 12),
    setting=st.integers(0, 32),
    seed=st.integers(0, 1000),
    most=st.sampled_from([0, 100, 900, 32767]),
)
def test_error_is_at_most_half_a_step_whatever_the_tables(
    shape, groups, hidden, bits, setting, seed, most
):
    codec = COFEAT_LEARNED
    if groups:
        codec = codec.with_tables(tables_of(shape[0], min(groups, shape[0]), hidden, seed, most))
    values = values_of(shape, bits, seed)
    decoded = codec.decode(codec.encode(values, bits, setting), shape, bits, setting)
    assert decoded.shape == shape
    assert decoded.dtype == values.dtype
    error = np.abs(decoded.astype(int) - values)
    assert error.max() <= STEPS[setting] / 32 + 0.5
    middle = 1 << bits - 1
    assert np.all(decoded[values == middle] == middle)
    if setting == 0:
        np.testing.assert_array_equal(decoded, values)


@pytest.mark.parametrize("extreme", [-(1 << 30), 1 << 30])
def test_biases_at_their_limits_lose_nothing(extreme):
    """Every level then stands elsewhere, or costs all that a level can."""
    for mean, scale in itertools.product((0, extreme), repeat=2):
        tables = replace(
            without_learning(2),
            mean_bias=np.full(2, mean, np.int32),
            scale_bias=np.full(2, scale, np.int32),
        )
        codec = COFEAT_LEARNED.with_tables(tables)
        values = values_of((2, 5, 6), 12)
        payload = codec.encode(values, 12, 0)
        np.testing.assert_array_equal(codec.decode(payload, values.shape, 12, 0), values)


def test_rows_are_distributions_of_a_logistic():
    """Frequencies of a row of moderate scale, against the distribution function in doubles."""
    entries = fixed_rows(False).entries.reshape(44, 16, 32)
    frequencies, starts = entries & 8191, entries >> 13
    assert np.all(frequencies >= 1)
    assert np.all(frequencies.sum(axis=2) == 4096)
    np.testing.assert_array_equal(starts[..., 1:], np.cumsum(frequencies, axis=2)[..., :-1])
    for ratio, fraction in itertools.product((12, 16, 20), (0, 8, 15)):
        scale = 2 ** (ratio / 4) / 16
        # The mean's place against the nearest level, and the lower edges of the levels.
        offset = (fraction - 8) / 16
        edges = np.arange(1, 32) - 16 - 0.5 - offset
        below = 1 / (1 + np.exp(-edges / scale))
        masses = np.diff(np.concatenate([[0], below, [1]]))
        np.testing.assert_allclose(
            frequencies[ratio, fraction], 1 + 4064 * masses, atol=3, err_msg=f"{ratio} {fraction}"
        )


def test_tables_that_know_the_source_save_bytes():
    """Channel 1 is channel 0 and noise: told so, it costs what the noise does."""
    rng = np.random.default_rng(0)
    first = rng.logistic(0, 40, (1, 24, 24))
    values = np.rint(np.concatenate([first, first + rng.logistic(0, 1, first.shape)]) + 512)
    values = np.clip(values, 0, 1023).astype(np.uint16)
    scales = np.array([int(4 * np.log2(16 * scale) * (1 << 14)) for scale in (40, 1)], np.int32)
    weights = [tuple(np.zeros(shape, np.int16) for shape in kind) for kind in group_shapes(2, 2, 0)]
    weights[0][1][0, 4] = 1 << 10  # the place itself, in the channel before
    nothing = np.zeros((2, 2, 0), np.int32)
    tables = LearnedTables(2, np.zeros(2, np.int32), scales, nothing, *weights)
    told = len(COFEAT_LEARNED.with_tables(tables).encode(values, 10, 0))
    # The entropy of a logistic distribution of scale s, in levels: log2(s) + 2 log2(e) bits.
    entropy_bits = first.size * (np.log2(40) + np.log2(1) + 2 * 2 / np.log(2))
    assert entropy_bits / 8 < 1.02 * told
    assert told < 1.05 * entropy_bits / 8
    assert told < 0.75 * len(COFEAT_LEARNED.encode(values, 10, 0))


def test_scales_follow_the_step():
    """The tables are of integers, whatever the step: halving it adds a bit an element."""
    rng = np.random.default_rng(1)
    values = np.clip(np.rint(rng.logistic(2048, 60, (4, 16, 16))), 0, 4095).astype(np.uint16)
    scales = np.full(4, round(4 * np.log2(16 * 60)) << 14, np.int32)
    codec = COFEAT_LEARNED.with_tables(replace(without_learning(4), scale_bias=scales))
    sizes = [8 * len(codec.encode(values, 12, setting)) / values.size for setting in (0, 4, 8, 12)]
    np.testing.assert_allclose(-np.diff(sizes), 1, atol=0.05)


@pytest.mark.parametrize("setting", [0, 16])
@given(data=st.data())
def test_harmed_payloads_decode_or_are_refused(made, setting, data):
    codec, shape = COFEAT_LEARNED.with_tables(made), (5, 6, 7)
    payload = codec.encode(values_of(shape, 10), 10, setting)
    start = data.draw(st.integers(0, len(payload)))
    stop = data.draw(st.integers(start, min(start + 8, len(payload))))
    filling = data.draw(st.binary(max_size=8))
    harmed = payload[:start] + filling + payload[stop:]
    try:
        decoded = codec.decode(harmed, shape, 10, setting)
    except BitstreamError:
        return
    assert decoded.shape == shape
    assert decoded.max() < 1 << 10


def test_every_flipped_bit_of_a_payload_decodes_or_is_refused(made):
    codec, shape = COFEAT_LEARNED.with_tables(made), (5, 3, 4)
    payload = codec.encode(values_of(shape, 8), 8, 8)
    refused = 0
    for position in range(8 * len(payload)):
        harmed = bytearray(payload)
        harmed[position // 8] ^= 1 << position % 8
        try:
            decoded = codec.decode(bytes(harmed), shape, 8, 8)
        except BitstreamError:
            refused += 1
            continue
        assert decoded.shape == shape
    assert refused


def test_too_many_elements_are_refused_before_memory_is_taken(made):
    codec = COFEAT_LEARNED.with_tables(made)
    payload = codec.encode(values_of((5, 3, 4), 8), 8, 16)
    with pytest.raises(BitstreamError, match="cannot hold"):
        codec.decode(payload, (5, 4096, 60000), 8, 16)
    with pytest.raises(BitstreamError, match="rows"):
        codec.decode(payload, (5, 4097, 1), 8, 16)
    with pytest.raises(BitstreamError, match="lanes are too few"):
        codec.decode(payload + bytes(1000), (5, 300, 300), 8, 16)
    with pytest.raises(InvalidInputError, match="use another codec"):
        codec.encode(np.broadcast_to(np.uint8(0), (5, 4096, 4096)), 8, 16)
    with pytest.raises(InvalidInputError, match="4096 rows"):
        codec.encode(np.broadcast_to(np.uint8(0), (1, 4097, 1)), 8, 16)


def test_many_channels_without_tables_take_no_square_of_memory():
    values = values_of((4096, 1, 2), 8)
    payload = COFEAT_LEARNED.encode(values, 8, 0)
    tracemalloc.start()
    try:
        decoded = COFEAT_LEARNED.decode(payload, values.shape, 8, 0)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(decoded, values)
    # The square of the channels alone is 2^24.
    assert peak_bytes < 1 << 24


def test_tables_of_other_channels_are_refused(made):
    payload = COFEAT_LEARNED.encode(values_of((4, 3, 4), 8), 8, 16)
    with pytest.raises(BitstreamError, match="of 5 channels, not of 4"):
        COFEAT_LEARNED.with_tables(made).decode(payload, (4, 3, 4), 8, 16)


def test_a_stream_names_its_tables_and_takes_no_other_kind(made, fitted):
    features = np.random.default_rng(0).normal(size=(5, 6, 8)).astype(np.float32)
    stream = compress(features, "cofeat-learned:4", tables=made)
    decoded, header = decompress_quantized(stream, tables=made)
    assert header.tables_id == made.id
    assert decoded.values.shape == (5, 6, 8)
    assert isinstance(fitted, FittedTables)
    for others in (None, fitted, tables_of(5, 2, seed=9)):
        with pytest.raises(BitstreamError, match="needs the tables"):
            decompress_quantized(stream, tables=others)
    # A codec of the other kind leaves them out, and so can be decoded without.
    _, header = decompress_quantized(compress(features, "cofeat", tables=made))
    assert header.tables_id == bytes(4)
