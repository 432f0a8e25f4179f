from __future__ import annotations

import hashlib
import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from cofeat.errors import BitstreamError
from cofeat.feature.codecs.png import PNG

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width=2, height=2, depth=8, extra=b"", rows=b"\x00\x01\x02\x00\x03\x04", tail=b"", data=None
):
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return (
        SIGNATURE
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows) if data is None else data)
        + chunk(b"IEND", b"")
        + tail
    )


@pytest.mark.parametrize(
    ("bits", "depth"), [(1, 1), (2, 2), (3, 4), (4, 4), (5, 8), (8, 8), (9, 16), (16, 16)]
)
def test_depth_is_the_shallowest_that_holds_the_integers(bits, depth):
    values = np.arange(6, dtype=np.uint8 if bits <= 8 else np.uint16).reshape(1, 2, 3) % min(
        2**bits, 6
    )
    payload = PNG.encode(values, bits, 9)
    assert payload[24] == depth
    # Pillow, which did not write the shallow ones, reads the same pixels, stretched to 0..255.
    pixels = np.asarray(Image.open(io.BytesIO(payload))).astype(int)
    stretch = {1: 1, 2: 85, 4: 17, 8: 1, 16: 1}[depth]
    np.testing.assert_array_equal(pixels, values[0].astype(int) * stretch)


def test_holds_nothing_but_the_picture():
    payload = PNG.encode(np.zeros((4, 8, 8), np.uint8), 8, 9)
    kinds, offset = [], 8
    while offset < len(payload):
        (length,) = struct.unpack_from(">I", payload, offset)
        kinds.append(payload[offset + 4 : offset + 8])
        offset += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]


def test_rows_are_filtered_as_the_specification_advises():
    # Two rows, by hand. The first has nothing above it: "sub" leaves 10 1 1 1, which is least, and
    # Paeth's leaves the same, but "sub" is the first. In the second all above is one less.
    values = np.array([[[10, 11, 12, 13], [11, 12, 13, 14]]], np.uint8)
    rows = zlib.decompress(PNG.encode(values, 8, 9)[41:-16])
    assert list(rows) == [1, 10, 1, 1, 1, 2, 1, 1, 1, 1]


@pytest.mark.parametrize("bits", [8, 16])
def test_filters_are_undone_by_another_reader(bits):
    # Smooth, rough and mixed rows, so that every filter is chosen somewhere.
    rng = np.random.default_rng(3)
    smooth = np.add.outer(np.arange(48) * 5, np.arange(64) * 3)
    values = np.where(rng.random((48, 64)) < 0.3, rng.integers(0, 1 << bits, (48, 64)), smooth)
    values[:9] = smooth[:9] * 7
    values[20:24] = 5 * (rng.random((4, 64)) < 0.1)
    for x in range(1, 64):  # between left and above
        values[40, x] = (values[40, x - 1] + values[39, x]) // 2 + 1
    values = values.astype(np.uint8 if bits == 8 else np.uint16)[None]
    payload = PNG.encode(values, bits, 9)
    rows = np.frombuffer(zlib.decompress(payload[41:-16]), np.uint8).reshape(48, -1)
    assert set(rows[:, 0]) == {0, 1, 2, 3, 4}
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(payload))), values[0])


@pytest.mark.skipif("zlib-ng" in zlib.ZLIB_RUNTIME_VERSION, reason="zlib-ng makes other bytes")
@pytest.mark.parametrize(
    ("bits", "sha256"),
    [
        (2, "f80c99e537af2cb0"),
        (8, "fbbdb5f773434f8a"),
        (16, "db2e3488f9fb7573"),
    ],
)
def test_bytes_are_zlibs_on_every_machine(bits, sha256):
    values = np.add.outer(np.arange(64), np.arange(40 * 50).reshape(40, 50) ** 2 % 251)
    values = values.astype(np.uint8 if bits <= 8 else np.uint16) & ((1 << bits) - 1)
    assert hashlib.sha256(PNG.encode(values, bits, 9)).hexdigest()[:16] == sha256


def test_higher_level_is_no_larger():
    values = (np.indices((16, 16, 16)).sum(axis=0) % 17).astype(np.uint8)
    sizes = [len(PNG.encode(values, 8, level)) for level in (0, 1, 9)]
    assert sizes[0] > sizes[1] >= sizes[2]


def test_hand_made_png_is_read():
    assert PNG.decode(png(), (1, 2, 2), 8, 9).tolist() == [[[1, 2], [3, 4]]]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"GIF89a", "no PNG"),
        (png(width=3), "not a grey image of 2x2"),
        (png(depth=16), "8 bits"),
        (png(extra=chunk(b"tEXt", b"a\0b")), "nothing else"),
        # Without the check, Pillow warns of an animation that is none.
        (png(extra=chunk(b"acTL", b"\0" * 8)), "nothing else"),
        (png(extra=chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0))), "nothing else"),
        (png(tail=b"x"), "cut off"),
        (png(tail=chunk(b"IEND", b"")), "nothing else"),
        (png()[:-3], "cut off"),
        (png()[:40], "cut off"),
        (png()[:-12], "nothing else"),
        (png().replace(b"IDAT", b"IDAt"), "nothing else"),
        (png(rows=b"\x00\x01\x02"), "missing or too many"),
        (png(rows=bytes(7)), "missing or too many"),
        (png(data=zlib.compress(bytes(6)) + b"x"), "missing or too many"),
        (png(data=zlib.compress(bytes(6))[:-1]), "missing or too many"),
        (png(data=b"12345"), "cannot be inflated"),
        (png(rows=b"\x07\x01\x02\x00\x03\x04"), "cannot be decoded"),
        (SIGNATURE + chunk(b"IEND", b""), "nothing else"),
        (SIGNATURE, "nothing else"),
    ],
)
def test_other_pngs_are_refused(payload, message):
    with pytest.raises(BitstreamError, match=message):
        PNG.decode(payload, (1, 2, 2), 8, 9)


def test_value_beyond_the_bits_is_refused():
    payload = png(rows=b"\x00\x01\x20\x00\x03\x04")
    assert PNG.decode(payload, (1, 2, 2), 6, 9).max() == 32
    with pytest.raises(BitstreamError, match="value of 32 in 5 bits"):
        PNG.decode(payload, (1, 2, 2), 5, 9)


def test_bomb_is_refused_before_it_is_inflated():
    bomb = png(rows=bytes(50_000_000))
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(BitstreamError, match="too many"):
            PNG.decode(bomb, (1, 2, 2), 8, 9)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
