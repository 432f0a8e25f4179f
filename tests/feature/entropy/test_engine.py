"""The compiled way against numpy, which is the reference: the same bytes, integers and refusals."""

from __future__ import annotations

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cofeat.errors import BitstreamError, MissingPackageError
from cofeat.feature.codecs.cofeat import CofeatCodec
from cofeat.feature.entropy import engine
from cofeat.feature.entropy.ways import ENGINE, NUMPY, quickest

SLOW, FAST = CofeatCodec(NUMPY), CofeatCodec(ENGINE)
PAYLOADS = sorted((Path(__file__).parents[2] / "golden" / "cofeat").glob("*.bin"))


def draw(shape, bits, zeros, seed):
    """Integers with a share of zeros; channels differ in spread, some follow others."""
    rng = np.random.default_rng(seed)
    spread = rng.integers(0, bits + 1, (shape[0], 1, 1))
    values = np.abs(rng.normal(size=shape) * 2.0**spread).astype(np.int64)
    values[1::3] = values[0::3][: len(values[1::3])] * 3 // 4
    values[rng.random(shape) < zeros] = 0
    values[rng.random(shape[0]) < zeros / 2] = 0
    return np.minimum(values, (1 << bits) - 1).astype(np.uint8 if bits <= 8 else np.uint16)


SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 13), st.integers(1, 17))


@settings(max_examples=150, deadline=None)
@given(
    shape=SHAPES,
    bits=st.integers(1, 16),
    zeros=st.sampled_from((0.0, 0.05, 0.5, 0.95)),
    setting=st.integers(1, 16),
    seed=st.integers(0, 1 << 30),
)
def test_same_bytes_and_integers(shape, bits, zeros, setting, seed):
    values = draw(shape, bits, zeros, seed)
    payload = SLOW.encode(values, bits, setting)
    assert FAST.encode(values, bits, setting) == payload
    np.testing.assert_array_equal(FAST.decode(payload, shape, bits, setting), values)
    np.testing.assert_array_equal(SLOW.decode(payload, shape, bits, setting), values)


@pytest.mark.parametrize(
    ("shape", "bits"), [((300, 8, 16), 8), ((64, 40, 50), 8), ((40000, 1, 2), 3), ((2, 64, 33), 12)]
)
def test_same_for_many_lanes_generations_and_channels(shape, bits):
    values = draw(shape, bits, 0.4, 1)
    payload = SLOW.encode(values, bits, 16)
    assert FAST.encode(values, bits, 16) == payload
    np.testing.assert_array_equal(FAST.decode(payload, shape, bits, 16), values)
    np.testing.assert_array_equal(SLOW.decode(payload, shape, bits, 16), values)


def outcome(codec, payload, shape, bits):
    """What comes of a payload: the integers, or the words of the refusal."""
    try:
        return codec.decode(payload, shape, bits, 4).tolist()
    except BitstreamError as error:
        return str(error)


def mutations(rng, payload, others):
    """Cut off, flip, replace, splice."""
    for _ in range(12):
        yield payload[: rng.integers(len(payload) + 1)]
    for _ in range(40):
        harmed = bytearray(payload)
        for _ in range(rng.integers(1, 4)):
            harmed[rng.integers(len(harmed))] ^= 1 << rng.integers(8)
        yield bytes(harmed)
    for _ in range(20):
        harmed = bytearray(payload)
        # What is read first stands at the end.
        harmed[-rng.integers(1, min(len(harmed), 60) + 1)] = rng.integers(256)
        yield bytes(harmed)
    other = others[rng.integers(len(others))]
    for _ in range(8):
        yield payload[: rng.integers(len(payload))] + other[rng.integers(len(other)) :]
    yield bytes(rng.integers(0, 256, rng.integers(400), dtype=np.uint8))


@pytest.mark.parametrize("seed", range(3))
def test_harmed_payloads_get_the_same_answer(seed):
    rng = np.random.default_rng(seed)
    cases = [
        ((shape, bits), SLOW.encode(draw(shape, bits, zeros, seed), bits, 4))
        for shape, bits, zeros in (
            ((9, 6, 5), 8, 0.5),
            ((24, 17, 18), 8, 0.2),
            ((8, 16, 16), 3, 0.0),
            ((4, 8, 8), 11, 0.5),
            ((40, 1, 1), 8, 0.3),
        )
    ]
    answers = set()
    for (shape, bits), payload in cases:
        for harmed in mutations(rng, payload, [other for _, other in cases]):
            answer = outcome(SLOW, harmed, shape, bits)
            assert outcome(FAST, harmed, shape, bits) == answer
            answers.add(answer if isinstance(answer, str) else "integers")
    # That is: the decoder was reached.
    assert len(answers) >= 8


@pytest.mark.parametrize("path", PAYLOADS, ids=lambda path: path.stem)
def test_golden_payloads_decode_alike(path):
    shape, bits = {
        "binary": ((9, 5, 5), 1),
        "column": ((3, 40, 1), 8),
        "deep": ((5, 9, 7), 12),
        "diagonal": ((11, 6, 10), 8),
        "references": ((48, 18, 20), 8),
        "shallow": ((6, 17, 13), 3),
        "zeros": ((4, 3, 3), 8),
    }[path.stem]
    payload = path.read_bytes()
    expected = SLOW.decode(payload, shape, bits, 4)
    np.testing.assert_array_equal(FAST.decode(payload, shape, bits, 4), expected)


def test_one_codec_serves_all_threads():
    tensors = [draw((30 + k, 9, 16), 8, 0.3, k) for k in range(24)]
    expected = [SLOW.encode(values, 8, 4) for values in tensors]

    def there_and_back(values):
        payload = FAST.encode(values, 8, 4)
        return payload, FAST.decode(payload, values.shape, 8, 4)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(there_and_back, tensors))
    for values, wanted, (payload, back) in zip(tensors, expected, results, strict=True):
        assert payload == wanted
        np.testing.assert_array_equal(back, values)


def test_coders_do_not_share_a_machine():
    first, second = ENGINE.encoder(8), ENGINE.encoder(8)
    assert first.machine is not second.machine
    for coder in (first, second):
        coder.raw(np.array([5]), np.array([3]))
    assert first.finish() == second.finish()


def test_a_machine_is_kept_unless_it_is_large(monkeypatch):
    machine = engine.take_machine()
    machine.release()
    assert engine.take_machine() is machine
    machine.place(engine._MOST_IDLE_BYTES)
    machine.release()
    assert engine.take_machine() is not machine


def test_memory_has_an_end():
    machine = engine.take_machine()
    with pytest.raises(MemoryError, match="no room"):
        machine.place(1 << 33)


def test_module_is_made_of_the_source_at_hand():
    module = files("cofeat.feature.entropy").joinpath("engine.wasm").read_bytes()
    source = files("cofeat.feature.entropy").joinpath("engine.c").read_bytes()
    # The last section: its size, the size of its name, both.
    tail = bytes([0, 46, 13]) + b"source-sha256" + hashlib.sha256(source).digest()
    assert module.endswith(tail), "engine.c has changed: run tools/build_engine.sh"


def test_numpy_serves_where_wasmtime_is_missing(monkeypatch):
    values = draw((6, 9, 9), 8, 0.3, 2)
    payload = FAST.encode(values, 8, 4)
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    engine.compiled.cache_clear()
    try:
        assert quickest() is NUMPY
        assert CofeatCodec().encode(values, 8, 4) == payload
        monkeypatch.setattr(engine._idle, "machine", None)
        with pytest.raises(MissingPackageError, match=r"pip install 'cofeat\[fast\]'"):
            FAST.encode(values, 8, 4)
    finally:
        monkeypatch.undo()
        engine.compiled.cache_clear()
    assert quickest() is ENGINE
