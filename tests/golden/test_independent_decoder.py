"""A decoder written from docs/bitstream.md alone, run on the golden streams."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import av
import imagecodecs
import numpy as np
import pytest
import zstandard
from PIL import Image

from cofeat.feature.pipeline import decompress

STREAMS = sorted((Path(__file__).parent / "streams").glob("*.cft"))


def decode_png(payload: bytes) -> np.ndarray:
    """Grey PNG in plain Python: chunks, zlib, the five filters, samples."""
    assert payload[:8] == b"\x89PNG\r\n\x1a\n"
    offset, data = 8, b""
    while offset < len(payload):
        length, kind = struct.unpack_from(">I4s", payload, offset)
        body = payload[offset + 8 : offset + 8 + length]
        assert struct.unpack_from(">I", payload, offset + 8 + length) == (zlib.crc32(kind + body),)
        if kind == b"IHDR":
            width, height, depth, *rest = struct.unpack(">IIBBBBB", body)
            assert rest == [0, 0, 0, 0]
        data += body if kind == b"IDAT" else b""
        offset += 12 + length
    raw = zlib.decompress(data)
    row_bytes, back = (width * depth + 7) // 8, max(1, depth // 8)
    above = bytearray(row_bytes)
    samples = []
    for y in range(height):
        kind, *row = raw[y * (row_bytes + 1) : (y + 1) * (row_bytes + 1)]
        for i in range(row_bytes):
            a = row[i - back] if i >= back else 0
            b = above[i]
            c = above[i - back] if i >= back else 0
            nearest = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
            row[i] = (row[i] + (0, a, b, (a + b) // 2, nearest)[kind]) % 256
        above = row
        bits = "".join(f"{byte:08b}" for byte in row)
        samples.append([int(bits[x * depth : (x + 1) * depth], 2) for x in range(width)])
    return np.array(samples)


def decode_by_ffmpeg(data: bytes, decoder: str) -> np.ndarray:
    """The luma of one picture."""
    context = av.CodecContext.create(decoder, "r")
    (frame,) = [*context.decode(av.Packet(data)), *context.decode(None)]
    deep = "1" in frame.format.name.removeprefix("yuv420p")  # gray10le, gray16le, ...
    plane = np.frombuffer(frame.planes[0], "<u2" if deep else "u1").reshape(frame.height, -1)
    return plane[:, : frame.width].astype(int)


def decode_webp(kind: bytes, payload: bytes) -> np.ndarray:
    chunk = kind + struct.pack("<I", len(payload)) + payload + bytes(len(payload) % 2)
    file = b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk
    return imagecodecs.webp_decode(file)[:, :, 1].astype(int)


def decode_jpegls(payload: bytes, size: tuple[int, int], bits: int, near: int) -> np.ndarray:
    depth, near = 8 if bits <= 8 else 16, min(near, (2**bits - 1) // 2)
    frame = b"\xff\xf7" + struct.pack(">HBHHBBBB", 11, depth, *size, 1, 1, 0x11, 0)
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, near, 0, 0)
    mosaic = decode_by_ffmpeg(b"\xff\xd8" + frame + scan + payload + b"\xff\xd9", "jpegls")
    return np.minimum(mosaic, 2**bits - 1)


def decode_zstd(payload: bytes, shape: tuple[int, int, int], bits: int) -> np.ndarray:
    """The tensor, no mosaic: symbols of whole bytes in plain Python."""
    content = zstandard.ZstdDecompressor().decompress(
        b"\x28\xb5\x2f\xfd" + payload, max_output_size=1 << 20
    )
    count = int(np.prod(shape))
    if bits > 8:
        assert len(content) == 2 * count
        symbols = [256 * content[i] + content[count + i] for i in range(count)]
    else:
        each = max(1, 8 // bits)
        assert len(content) == -(-count // each)
        symbols = [
            content[i // each] >> bits * (each - 1 - i % each) & (2**bits - 1) for i in range(count)
        ]
    return np.array(symbols).reshape(shape)


def shrink(pixels: np.ndarray, bits: int, depth: int) -> np.ndarray:
    m, white = 2**bits - 1, 2**depth - 1
    return (2 * m * pixels + white) // (2 * white)


def decode_mosaic(codec: int, payload: bytes, size: tuple[int, int], bits: int, setting: int):
    """The mosaic of an image codec, by decoders other than the reference's where there are."""
    depth = 8 if bits <= 8 else bits + bits % 2
    if codec == 1:
        return decode_png(payload)
    if codec == 2:
        return shrink(np.asarray(Image.open(io.BytesIO(payload))).astype(int), bits, 8)
    if codec == 4:
        return decode_webp(b"VP8L", payload)
    if codec == 5:
        return shrink(decode_webp(b"VP8 ", payload), bits, 8)
    if codec in (7, 11):
        return decode_jpegls(payload, size, bits, setting)
    if codec == 8:
        return imagecodecs.jpegxl_decode(payload).astype(int)
    if codec == 9:
        return shrink(decode_by_ffmpeg(payload, "hevc"), bits, depth)
    assert codec in (6, 10)
    return shrink(decode_by_ffmpeg(b"\x12\0" + payload, "libdav1d"), bits, depth)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_decoder_from_the_page_agrees(path):
    data = path.read_bytes()
    assert data[:4] == b"CFT\x01"
    flags, bits, codec, setting = data[4:8]
    channels, height, width, image_height, image_width = struct.unpack_from("<5H", data, 8)
    count = channels if flags & 1 else 1
    pairs = np.frombuffer(data, "<f4", 2 * count, 30).reshape(count, 2)
    (length,) = struct.unpack_from("<I", data, 30 + 8 * count)
    payload = data[34 + 8 * count : 34 + 8 * count + length]
    assert len(data) == 38 + 8 * count + length
    assert struct.unpack("<I", data[-4:]) == (zlib.crc32(data[:-4]),)

    k = 0
    while 4**k < channels:
        k += 1
    cols = 2**k
    values = np.empty((channels, height, width), int)
    if codec == 3:
        values = decode_zstd(payload, values.shape, bits)
    else:
        size = (-(-channels // cols) * height, cols * width)
        mosaic = decode_mosaic(codec, payload, size, bits, setting)
        assert mosaic.shape == size
        for c in range(channels):
            y, x = c // cols * height, c % cols * width
            values[c] = mosaic[y : y + height, x : x + width]
    features = np.empty((channels, height, width), np.float32)
    for c in range(channels):
        low, high = pairs[c if flags & 1 else 0]
        step = np.float32((float(high) - float(low)) / (2**bits - 1))
        features[c] = values[c].astype(np.float32) * step + low

    result = decompress(data)
    np.testing.assert_array_equal(values, result.quantized.values)
    np.testing.assert_array_equal(features, result.features)
    assert result.stream.image_size == (image_height, image_width)
