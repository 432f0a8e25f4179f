from __future__ import annotations

import itertools
import tracemalloc

import numpy as np
import pytest
import zstandard

from cofeat.errors import BitstreamError
from cofeat.feature.codecs.zstd import ZSTD

MAGIC = b"\x28\xb5\x2f\xfd"


def frame(content: bytes, **options) -> bytes:
    """A frame without its magic number, as anyone's zstd writes it."""
    parameters = zstandard.ZstdCompressionParameters(**options)
    return zstandard.ZstdCompressor(compression_params=parameters).compress(content)[4:]


def plain(content: bytes, **options) -> bytes:
    return frame(content, write_content_size=False, window_log=10, **options)


def unpacked(payload: bytes) -> bytes:
    """What a decoder with the magic number in front reads."""
    return zstandard.ZstdDecompressor().decompress(MAGIC + payload, max_output_size=1 << 20)


def test_shallow_symbols_share_bytes_the_first_in_the_highest_bits():
    values = np.array([1, 2, 3, 0, 1], np.uint8).reshape(1, 1, 5)
    assert unpacked(ZSTD.encode(values, 2, 19)) == bytes([0b01_10_11_00, 0b01_00_00_00])
    assert unpacked(ZSTD.encode(values, 3, 19)) == bytes([0b001_010, 0b011_000, 0b001_000])
    assert unpacked(ZSTD.encode(values, 4, 19)) == bytes([0x12, 0x30, 0x10])
    assert unpacked(ZSTD.encode(values % 2, 1, 19)) == bytes([0b1010_1000])
    assert unpacked(ZSTD.encode(values, 5, 19)) == bytes([1, 2, 3, 0, 1])


def test_deep_symbols_are_two_planes():
    values = np.array([0x0102, 0x0304, 0x0506], np.uint16).reshape(3, 1, 1)
    assert unpacked(ZSTD.encode(values, 12, 19)) == bytes([1, 3, 5, 2, 4, 6])


def test_hand_made_frame_is_read():
    # Descriptor 0; a window of 1 KiB; one last raw block of 3 bytes.
    payload = bytes([0, 0, 1 | 3 << 3, 0, 0, 7, 8, 9])
    assert ZSTD.decode(payload, (3, 1, 1), 8, 19).ravel().tolist() == [7, 8, 9]


@pytest.mark.parametrize("bits", range(1, 9))
def test_bytes_are_no_more_than_packing_needs(bits):
    values = np.random.default_rng(0).integers(0, 2**bits, (16, 16, 16)).astype(np.uint8)
    each = 8 // bits
    assert len(ZSTD.encode(values, bits, 19)) <= 4096 / each + 32


def test_higher_level_is_no_larger(wave):
    values = wave((32, 16, 16), 6) // 4
    sizes = [len(ZSTD.encode(values, 6, level)) for level in (1, 9, 22)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "kind that is allowed"),
        (b"\0", "kind that is allowed"),
        (MAGIC + plain(bytes(6)), "kind that is allowed"),
        (frame(bytes(6)), "kind that is allowed"),  # tells its size
        (plain(bytes(6), write_checksum=True), "kind that is allowed"),
        (plain(bytes(5)), "5 bytes of 6"),
        (plain(bytes(7)), "cannot be read"),
        (plain(b""), "0 bytes of 6"),
        (plain(bytes(6)) + b"x", "unused data"),
        (plain(bytes(6)) + plain(bytes(6)), "unused data"),
        (plain(bytes(6)) + MAGIC + plain(b""), "unused data"),
        (plain(bytes(6))[:-1], "cannot be read"),
        (bytes([0, 0, 7, 0, 0]), "cannot be read"),  # a block of a kind that there is not
        (bytes([0, 1 << 3]) + plain(bytes(6))[2:], "window of 2048"),
        (bytes([0, 0xFF]) + plain(bytes(6))[2:], "asks for a window"),
    ],
)
def test_other_frames_are_refused(payload, message):
    with pytest.raises(BitstreamError, match=message):
        ZSTD.decode(payload, (1, 2, 3), 8, 19)


def test_dictionary_is_refused():
    # The two lowest bits of the descriptor: a dictionary's id of one byte.
    with pytest.raises(BitstreamError, match="kind that is allowed"):
        ZSTD.decode(bytes([1, 0, 5]) + plain(bytes(6))[2:], (1, 2, 3), 8, 19)


def test_window_as_large_as_the_content_is_read():
    content = bytes(range(256)) * 16
    payload = frame(content, write_content_size=False, window_log=12)
    assert ZSTD.decode(payload, (16, 16, 16), 8, 19).tobytes() == content
    with pytest.raises(BitstreamError, match="window of 4096"):
        ZSTD.decode(payload, (8, 16, 16), 8, 19)


@pytest.mark.parametrize("bits", [5, 7, 9, 12])
def test_value_beyond_the_bits_is_refused(bits):
    content = bytes([1 << bits]) if bits < 8 else bytes([1 << bits - 8, 0])
    with pytest.raises(BitstreamError, match=f"a value of {1 << bits} in {bits} bits"):
        ZSTD.decode(plain(content), (1, 1, 1), bits, 19)


def test_bomb_is_refused_before_it_is_inflated():
    for size, windows in itertools.product((1 << 24, 1 << 27), (10, 24)):
        bomb = frame(bytes(size), write_content_size=False, window_log=windows)
        assert len(bomb) < size / 100
        tracemalloc.start()
        try:
            with pytest.raises(BitstreamError):
                ZSTD.decode(bomb, (16, 16, 16), 8, 19)
            assert tracemalloc.get_traced_memory()[1] < 100_000
        finally:
            tracemalloc.stop()
