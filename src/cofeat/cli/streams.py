"""What the commands that read bitstreams share."""

from __future__ import annotations

from cofeat.cli.each import read_bytes
from cofeat.errors import BitstreamError
from cofeat.feature.bitstream import MAX_CHANNELS, MAX_PAYLOAD_BYTES, OVERHEAD_BYTES

# No valid stream is longer: the longest payload, and a range for each of the most channels.
MAX_STREAM_BYTES = OVERHEAD_BYTES + 8 * (MAX_CHANNELS - 1) + MAX_PAYLOAD_BYTES


def read_stream(name: str) -> bytes:
    """Read the bytes of one bitstream from a file or standard input.

    Raises:
        BitstreamError: there are more than a bitstream can have; they are not read on.
    """
    data = read_bytes(name, MAX_STREAM_BYTES)
    if len(data) > MAX_STREAM_BYTES:
        raise BitstreamError(f"more than {MAX_STREAM_BYTES} bytes are no bitstream")
    return data
