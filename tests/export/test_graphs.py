from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from cofeat.bundle import open_bundle
from cofeat.errors import ExportError, InvalidInputError
from cofeat.export.graphs import export_graph, output_words
from cofeat.export.int8 import quantize_encoder
from cofeat.export.parity import check_parity
from cofeat.network.build import build_network
from cofeat.runtime import RuntimeModel


class Moody(nn.Module):
    """Does what no graph can say: it looks at the values to choose its way."""

    def forward(self, x):
        return x if float(x.sum()) > 0 else -x


def test_a_network_that_torch_cannot_export_is_one_line(loaded):
    loaded.network.bottleneck.down = Moody()
    with pytest.raises(ExportError, match="torch cannot export the encoder: ") as raised:
        export_graph(loaded.network, "encoder")
    assert "\n" not in str(raised.value)


def test_words_name_the_axes_of_a_network_with_one_task():
    network = build_network("tiny", cut="stride16", tasks=["reconstruction"]).eval()
    assert output_words(network) == {"reconstruction": ("float32", ("N", "H", "W", "3"))}


def test_int8_needs_images(exported, tmp_path):
    with pytest.raises(InvalidInputError, match="at least one training image"):
        quantize_encoder(b"", [], 8, tmp_path / "encoder.int8.onnx")


def test_int8_of_what_is_no_encoder_is_one_line(tmp_path):
    image = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ExportError, match="cannot quantize the encoder") as raised:
        quantize_encoder(b"\x00\x01", [image], 8, tmp_path / "encoder.int8.onnx")
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f + 2e-4 * (f.max() - f.min()), "is not torch's: 0.0002 of its range away"),
        (lambda f: f * np.float32("nan"), "is not torch's: nan"),
        (lambda f: f.astype(np.float64), "is float64"),
        (lambda f: f[:, :-1], r"is float32 \(64, 3, 7\), and torch's is float32 \(64, 4, 7\)"),
    ],
)
def test_what_is_beyond_tolerance_is_refused(exported, loaded, noise, spoil, message, monkeypatch):
    model = RuntimeModel(open_bundle(exported.bundle).model())
    right = model.encode
    monkeypatch.setattr(model, "encode", lambda image: spoil(right(image)))
    with pytest.raises(ExportError, match=f"the exported encoder.features {message}"):
        check_parity(loaded.network, model, [noise(1)[0].image])
