from __future__ import annotations

import sys

import numpy as np
import pytest

from cofeat.bundle import open_bundle
from cofeat.errors import BundleError, MissingPackageError
from cofeat.runtime import RuntimeModel, sessions
from cofeat.runtime.sessions import Sessions


class Graph:
    """Stands for a model of a bundle; ``content`` is every part of it."""

    folder = "bundle"

    def __init__(self, entry, content):
        self.entry = entry
        self._content = content

    def read(self, part):
        return self._content


@pytest.mark.parametrize("content", [b"", b"\x00", b"\x08\x07", b"no graph at all"])
def test_a_graph_that_is_none_is_one_line(exported, content):
    entry = open_bundle(exported.bundle).model().entry
    with pytest.raises(
        BundleError, match=r"'heads' of model 'tiny' in bundle.*cannot be loaded"
    ) as e:
        Sessions(Graph(entry, content)).run("heads", ("disparity",), {})
    assert "\n" not in str(e.value)


def test_a_run_that_fails_is_one_line(exported):
    loaded = Sessions(open_bundle(exported.bundle).model(), threads=1)
    with pytest.raises(BundleError, match=r"'encoder' of model 'tiny' in bundle.*failed") as raised:
        loaded.run("encoder", ("features",), {"image": np.zeros((1, 3, 7, 8), np.int32)})
    assert "\n" not in str(raised.value)


def test_ever_other_tasks_do_not_fill_the_memory(exported, monkeypatch):
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    model = RuntimeModel(open_bundle(exported.bundle).model(), threads=1)
    features = np.random.default_rng(0).random((64, 2, 2), np.float32)
    whole = model.predict(features, (16, 16))
    for tasks in (("disparity",), ("segmentation",), ("reconstruction",), ("disparity",)):
        outputs = model.predict(features, (16, 16), tasks)
        assert tuple(outputs) == tasks
        for task in tasks:
            np.testing.assert_allclose(outputs[task], whole[task], atol=1e-5)
    assert len(model._sessions._sessions) <= 3


def test_where_there_is_no_onnx_runtime(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match=r"'onnxruntime'.*pip install 'cofeat\[edge\]'"):
        RuntimeModel(open_bundle(exported.bundle).model())
