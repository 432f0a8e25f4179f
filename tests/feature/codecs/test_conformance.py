"""The contract of ``codecs/base.py``, held against every codec of the table."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cofeat import registry
from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs import CODECS, codecs_by_id, load_codec
from cofeat.feature.pipeline import compress, decompress

# A codec whose setting is a bound on the error of every integer keeps to it and no more.
BOUND_AT_BEST = {"jpegls-near": 1}
# A codec of fine integers whose default is a step of many: half of it.
BOUND_AT_DEFAULT = BOUND_AT_BEST | {"cofeat-learned": 8}
SHAPES = ((1, 1, 1), (1, 7, 3), (2, 4, 4), (5, 3, 6), (16, 8, 8), (33, 2, 5))


@pytest.fixture(params=CODECS.names())
def codec(request):
    return load_codec(request.param)


def settings_of(codec):
    low, high = codec.min_setting, codec.max_setting
    return sorted({low, (low + high) // 2, codec.default_setting, high})


def values_of(shape, bits, seed=0):
    """A wave with noise and empty patches, over the whole range of n bits."""
    rng = np.random.default_rng(seed)
    c, y, x = np.indices(shape)
    wave = np.sin(c + y / 3) * np.cos(x / 4) + rng.normal(0, 0.05, shape)
    levels = np.rint((np.clip(wave, -0.5, 1) + 0.5) / 1.5 * (2**bits - 1))
    values = levels.astype(np.uint8 if bits <= 8 else np.uint16)
    values.flat[0], values.flat[-1] = 0, 2**bits - 1
    return values


def test_describes_itself(codec):
    assert load_codec(codec.name) is codec
    assert codecs_by_id()[codec.id] is codec
    assert 1 <= codec.id <= 255
    assert 0 <= codec.min_setting <= codec.default_setting <= codec.max_setting <= 255
    assert codec.best_setting in (codec.min_setting, codec.max_setting)
    assert 1 <= codec.max_bits <= 16
    assert isinstance(codec.lossless, bool)


def test_ids_are_unique():
    assert len(codecs_by_id()) == len(CODECS.names())


def test_a_broken_codec_of_another_package_does_not_keep_the_others_from_decoding(monkeypatch):
    broken = EntryPoint("broken", "no_such_package:CODEC", CODECS.group)
    monkeypatch.setattr(registry, "entry_points", lambda group: [broken])
    monkeypatch.setattr("cofeat.feature.pipeline.codecs_by_id", codecs_by_id.__wrapped__)
    features = np.linspace(0, 1, 24, dtype=np.float32).reshape(2, 3, 4)
    received = decompress(compress(features, "png")).features
    np.testing.assert_allclose(received, features, atol=1 / 255)


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_dtype_and_range_come_back(codec, shape):
    for bits in range(1, codec.max_bits + 1):
        values = values_of(shape, bits)
        for setting in settings_of(codec):
            payload = codec.encode(values, bits, setting)
            decoded = codec.decode(payload, shape, bits, setting)
            assert isinstance(payload, bytes)
            assert decoded.shape == shape
            assert decoded.dtype == values.dtype
            assert decoded.max() < 2**bits
            if codec.lossless:
                np.testing.assert_array_equal(decoded, values)


def test_lossy_codec_stays_near_at_its_best(codec):
    for bits in range(1, codec.max_bits + 1):
        values = values_of((16, 8, 8), bits)
        payload = codec.encode(values, bits, codec.best_setting)
        decoded = codec.decode(payload, values.shape, bits, codec.best_setting)
        error = np.abs(decoded.astype(int) - values)
        if codec.name in BOUND_AT_BEST:
            assert error.max() <= BOUND_AT_BEST[codec.name]
        else:
            assert error.mean() <= max(0.01 * (2**bits - 1), 0.02)


@pytest.mark.parametrize("value", ["lowest", "highest"])
def test_flat_tensor_comes_back(codec, value):
    for bits in range(1, codec.max_bits + 1):
        top = 2**bits - 1 if value == "highest" else 0
        values = np.full((4, 8, 8), top, np.uint8 if bits <= 8 else np.uint16)
        payload = codec.encode(values, bits, codec.default_setting)
        decoded = codec.decode(payload, values.shape, bits, codec.default_setting)
        # A lossy codec's step at its default may be above one of more than 8 bits.
        bound = 0 if codec.lossless else BOUND_AT_DEFAULT.get(codec.name, int(bits > 8))
        assert np.abs(decoded.astype(int) - values).max() <= bound


def test_same_input_same_bytes_whatever_the_memory_layout(codec):
    values = values_of((5, 3, 6), 8)
    before = values.copy()
    payload = codec.encode(values, 8, codec.default_setting)
    turned = np.asfortranarray(values)
    reversed_twice = np.ascontiguousarray(values[::-1])[::-1]
    assert codec.encode(values, 8, codec.default_setting) == payload
    assert codec.encode(turned, 8, codec.default_setting) == payload
    assert codec.encode(reversed_twice, 8, codec.default_setting) == payload
    np.testing.assert_array_equal(values, before)


def test_integers_that_are_too_deep_are_refused_with_the_codecs_that_hold_them(codec):
    if codec.max_bits == 16:
        return
    bits = codec.max_bits + 1
    able = [load_codec(name).name for name in CODECS.names() if load_codec(name).max_bits >= bits]
    message = rf"'{codec.name}' holds up to {codec.max_bits} bits, not {bits}: use (.*)$"
    with pytest.raises(InvalidInputError, match=message) as refusal:
        compress(np.zeros((1, 2, 2), np.float32), codec.name, bits)
    assert sorted(re.search(message, str(refusal.value))[1].split(" or ")) == sorted(able)


def decodes_or_refuses(codec, payload, shape, bits):
    """The one sentence of every fuzzer here: the declared shape, or BitstreamError."""
    try:
        decoded = codec.decode(payload, shape, bits, codec.default_setting)
    except BitstreamError:
        return
    assert decoded.shape == shape
    assert decoded.max() < 2**bits


@pytest.mark.parametrize("name", CODECS.names())
@given(payload=st.binary(max_size=200), bits=st.integers(1, 16))
def test_any_bytes_decode_or_are_refused(name, payload, bits):
    codec = load_codec(name)
    decodes_or_refuses(codec, payload, (3, 4, 5), min(bits, codec.max_bits))


@pytest.mark.parametrize("bits", [4, 8, 12])
def test_every_flipped_bit_decodes_or_is_refused(codec, bits):
    bits = min(bits, codec.max_bits)
    payload = codec.encode(values_of((3, 6, 5), bits), bits, codec.default_setting)
    for position in range(8 * len(payload)):
        damaged = bytearray(payload)
        damaged[position // 8] ^= 1 << position % 8
        decodes_or_refuses(codec, bytes(damaged), (3, 6, 5), bits)


def test_every_truncation_decodes_or_is_refused(codec):
    payload = codec.encode(values_of((3, 6, 5), 8), 8, codec.default_setting)
    for length in range(len(payload)):
        decodes_or_refuses(codec, payload[:length], (3, 6, 5), 8)


@given(data=st.data())
@pytest.mark.parametrize("name", CODECS.names())
def test_spliced_payloads_decode_or_are_refused(name, data):
    codec = load_codec(name)
    payload = codec.encode(values_of((3, 6, 5), 8), 8, codec.default_setting)
    start = data.draw(st.integers(0, len(payload)))
    stop = data.draw(st.integers(start, len(payload)))
    filling = data.draw(st.binary(max_size=30))
    decodes_or_refuses(codec, payload[:start] + filling + payload[stop:], (3, 6, 5), 8)


@pytest.mark.parametrize(
    "shape", [(3, 9, 8), (3, 8, 10), (9, 9, 10), (1, 9, 10), (3, 60000, 60000)]
)
def test_payload_of_another_shape_is_refused(codec, shape):
    # (3, 60000, 60000) would be 10^10 elements: refused before memory is taken.
    payload = codec.encode(values_of((3, 9, 10), 8), 8, codec.default_setting)
    with pytest.raises(BitstreamError):
        codec.decode(payload, shape, 8, codec.default_setting)


def test_threads_share_a_codec(codec):
    tensors = [values_of((4, 8, 8), 8, seed) for seed in range(8)]
    expected = [codec.encode(values, 8, codec.default_setting) for values in tensors]
    results: dict[int, list[bytes]] = {}

    def work(index):
        results[index] = [codec.encode(tensors[index], 8, codec.default_setting) for _ in range(20)]

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {index: [expected[index]] * 20 for index in range(8)}


def test_the_table_loads_with_the_base_install_alone():
    code = (
        "import sys; from cofeat.feature.codecs import codecs_by_id; codecs_by_id();"
        "allowed = {'numpy', 'PIL', 'zstandard', 'cofeat'} | set(sys.stdlib_module_names);"
        "names = {name.partition('.')[0] for name in sys.modules} - before - allowed;"
        "print(sorted(names))"
    )
    code = "import sys; before = {n.partition('.')[0] for n in sys.modules};" + code
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == "[]"
