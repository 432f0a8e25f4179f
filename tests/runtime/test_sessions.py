from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from cofeat.bundle import open_bundle
from cofeat.cloud.server import ServerOptions
from cofeat.errors import BundleError, InvalidInputError, MissingPackageError
from cofeat.runtime import RuntimeModel, sessions
from cofeat.runtime.sessions import CPU, Sessions


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


class GpuRuntime:
    """An ONNX Runtime that was built with CUDA, on a machine where CUDA starts or does not."""

    SessionOptions = onnxruntime.SessionOptions

    def __init__(self, starts):
        self.starts = starts
        self.asked = []

    def get_available_providers(self):
        return ["CUDAExecutionProvider", "CPUExecutionProvider"]

    def InferenceSession(self, graph, options, providers):
        self.asked.append(providers)
        # As the real one does, which says so in its log alone.
        return SimpleNamespace(get_providers=lambda: providers if self.starts else providers[1:])


@pytest.mark.parametrize("part", ["heads", "whole"])
def test_the_gpu_of_the_server_s_flag_is_what_sessions_get(exported, monkeypatch, part):
    runtime = GpuRuntime(starts=True)
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    options = ServerOptions(bundles=(Path(exported.bundle),), gpu=True)
    options.load().models[0].load(part)
    assert runtime.asked == [["CUDAExecutionProvider", "CPUExecutionProvider"]]


def test_a_gpu_that_does_not_start_is_told_and_not_left_out(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", GpuRuntime(starts=False))
    model = open_bundle(exported.bundle).model()
    sessions = Sessions(model, providers=("CUDAExecutionProvider", CPU))
    with pytest.raises(InvalidInputError, match="cannot start it, and would run without"):
        sessions.load("heads", ("disparity",))
