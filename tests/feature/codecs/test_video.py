"""HEVC and AV1: pictures that FFmpeg codes."""

from __future__ import annotations

import contextlib
import io
import os

import av
import numpy as np
import pytest

from cofeat.errors import BitstreamError, InvalidInputError
from cofeat.feature.codecs import av1, hevc
from cofeat.feature.codecs.av1 import AV1
from cofeat.feature.codecs.hevc import HEVC

START = b"\0\0\1"


def units_of(payload: bytes) -> list[bytes]:
    return payload.split(START)[1:]


def joined(units: list[bytes]) -> bytes:
    return b"\0" + b"".join(START + unit for unit in units)


@pytest.fixture
def hevc_payload(wave):
    return HEVC.encode(wave((4, 12, 20), 8), 8, 22)


@pytest.mark.parametrize("bits", [6, 8, 9, 12])
def test_hevc_payload_is_a_stream_to_any_reader(bits, wave, mosaic_by_loops):
    values = wave((4, 12, 20), bits)
    payload = HEVC.encode(values, bits, 4)
    with av.open(io.BytesIO(payload), format="hevc") as file:
        (frame,) = list(file.decode(video=0))
    depth = {"gray": 8, "gray10le": 10, "gray12le": 12}[frame.format.name]
    plane = np.frombuffer(frame.planes[0], "u1" if depth == 8 else "<u2")
    pixels = plane.reshape(frame.height, -1)[:, : frame.width].astype(float)
    expected = mosaic_by_loops(values) * ((2**depth - 1) / (2**bits - 1))
    assert (depth, pixels.shape) == (max(8, bits + bits % 2), expected.shape)
    assert np.abs(pixels - expected).mean() < 0.005 * 2**depth


@pytest.mark.parametrize("codec", [HEVC, AV1])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 3, 40), (1, 40, 3), (2, 17, 23)])
def test_small_and_odd_mosaics_are_filled_up(codec, shape, wave):
    values = wave(shape, 8)
    payload = codec.encode(values, 8, codec.best_setting)
    decoded = codec.decode(payload, shape, 8, codec.best_setting)
    assert np.abs(decoded.astype(int) - values).max() <= 3


@pytest.mark.parametrize(("codec", "settings"), [(HEVC, (10, 30, 45)), (AV1, (5, 30, 55))])
def test_coarser_is_smaller_and_worse(codec, settings, wave):
    values = wave((4, 16, 16), 8)
    payloads = [codec.encode(values, 8, setting) for setting in settings]
    errors = [
        np.abs(codec.decode(p, values.shape, 8, 20).astype(int) - values).mean() for p in payloads
    ]
    assert len(payloads[0]) > len(payloads[1]) > len(payloads[2])
    assert errors[0] < errors[1] < errors[2]


def test_hevc_without_its_picture_hash_is_refused(hevc_payload, unreached):
    assert HEVC.decode(hevc_payload, (4, 12, 20), 8, 22).shape == (4, 12, 20)
    *units, digest = units_of(hevc_payload)
    assert len(units) == 4
    unreached(hevc, "decode_picture")
    with pytest.raises(BitstreamError, match="not five NAL units"):
        HEVC.decode(joined(units), (4, 12, 20), 8, 22)
    for other in (digest[:-2], digest[:4] + b"\1" + digest[5:], b"\x50\x01\x85" + digest[3:]):
        with pytest.raises(BitstreamError, match="no MD5"):
            HEVC.decode(joined([*units, other]), (4, 12, 20), 8, 22)


def test_hevc_whose_picture_is_not_the_one_hashed_is_refused(hevc_payload):
    # A slice that ends early: FFmpeg would leave samples as it found them in memory.
    *sets, picture, digest = units_of(hevc_payload)
    for length in (8, len(picture) // 2, len(picture) - 2):
        with pytest.raises(BitstreamError, match=r"cannot be decoded|damaged"):
            HEVC.decode(joined([*sets, picture[:length], digest]), (4, 12, 20), 8, 22)
    wrong = digest[:8] + bytes([digest[8] ^ 0x10]) + digest[9:]
    with pytest.raises(BitstreamError, match=r"cannot be decoded|damaged"):
        HEVC.decode(joined([*sets, picture, wrong]), (4, 12, 20), 8, 22)


def test_other_hevc_does_not_reach_the_decoder(hevc_payload, unreached):
    vps, sps, pps, picture, digest = units_of(hevc_payload)
    unreached(hevc, "decode_picture")
    others = [
        b"",
        START,
        hevc_payload[1:],
        b"x" + hevc_payload,
        joined([vps, sps, pps, picture, picture, digest]),
        joined([sps, vps, pps, picture, digest]),
        joined([vps, sps, pps, b"\x02\x01" + picture[2:], digest]),  # no key picture
        joined([vps, sps, pps, b"\x28\x09" + picture[2:], digest]),  # of layer 1
        joined([vps, sps[:20], pps, picture, digest]),
        joined([vps, sps[:2] + b"\x03" + sps[3:], pps, picture, digest]),  # two sublayers
        joined([vps, sps[:15] + bytes(30), pps, picture, digest]),
    ]
    for payload in others:
        with pytest.raises(BitstreamError, match=r"HEVC|header is cut off"):
            HEVC.decode(payload, (4, 12, 20), 8, 22)
    for shape in ((4, 12, 21), (4, 13, 20), (1, 200, 300)):
        with pytest.raises(BitstreamError, match=r"no grey picture|not"):
            HEVC.decode(hevc_payload, shape, 8, 22)
    with pytest.raises(BitstreamError, match="and 10 bits"):
        HEVC.decode(hevc_payload, (4, 12, 20), 10, 22)


def test_other_av1_does_not_reach_the_decoder(wave, unreached):
    payload = AV1.encode(wave((4, 12, 20), 8), 8, 20)
    unreached(av1, "decode_picture")
    for shape in ((4, 12, 21), (4, 13, 20), (1, 200, 300)):
        with pytest.raises(BitstreamError, match="is 40x24 of 8 bits"):
            AV1.decode(payload, shape, 8, 20)
    with pytest.raises(BitstreamError, match="of 8 bits, not 40x24 of 10"):
        AV1.decode(payload, (4, 12, 20), 10, 20)
    with pytest.raises(BitstreamError, match="not a sequence header and a frame"):
        AV1.decode(b"\x12\0" + payload, (4, 12, 20), 8, 20)


@pytest.mark.parametrize("codec", [HEVC, AV1])
def test_mosaic_that_video_cannot_hold_is_refused(codec, unreached):
    unreached(av1 if codec is AV1 else hevc, "encode_picture")
    with pytest.raises(InvalidInputError, match=r"16385x1 pixels.*use png"):
        codec.encode(np.zeros((1, 1, 16385), np.uint8), 8, 20)
    with pytest.raises(BitstreamError, match="16385x1 pixels"):
        codec.decode(b"", (1, 1, 16385), 8, 20)


def test_nothing_is_told_on_standard_error(wave, capfd, monkeypatch):
    monkeypatch.delitem(os.environ, "SVT_LOG", raising=False)
    for codec in (HEVC, AV1):
        values = wave((4, 8, 8), 8)
        payload = codec.encode(values, 8, 20)
        codec.decode(payload, values.shape, 8, 20)
        for start in range(30, len(payload) - 9, 10):
            with contextlib.suppress(BitstreamError):
                damaged = payload[:start] + bytes(9) + payload[start + 9 :]
                codec.decode(damaged, values.shape, 8, 20)
    assert capfd.readouterr() == ("", "")
