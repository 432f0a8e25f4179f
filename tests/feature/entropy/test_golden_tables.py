"""Streams with tables that were written once, and must be decoded to the bit for ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cofeat.errors import BitstreamError
from cofeat.feature.entropy.fitted import FittedTables
from cofeat.feature.pipeline import decompress_quantized

FOLDER = Path(__file__).parents[2] / "golden" / "tables"
TABLES = FittedTables.from_bytes((FOLDER / "made.bin").read_bytes())
STREAMS = sorted(FOLDER.glob("*.cft"))


def test_there_are_streams():
    assert {path.stem for path in STREAMS} == {"cofeat", "cofeat-deep", "cofeat-lossy"}


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_stream_decodes_to_the_integers_that_it_held(path):
    quantized, stream = decompress_quantized(path.read_bytes(), tables=TABLES)
    assert stream.tables_id == TABLES.id
    expected = np.load(path.with_suffix(".npy"))
    np.testing.assert_array_equal(quantized.values, expected)
    assert quantized.values.dtype == expected.dtype


def test_tables_are_needed():
    with pytest.raises(BitstreamError, match="give the model"):
        decompress_quantized(STREAMS[0].read_bytes())
