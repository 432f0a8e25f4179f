"""Models whose answers one can work out by hand, and servers of them on a free port."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import warnings
from importlib.util import find_spec
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
import uvicorn

from cofeat.bundle.manifest import TaskEntry
from cofeat.cloud import grpc as grpc_layer
from cofeat.cloud.app import create_app
from cofeat.cloud.ray_batching import RayBatcher
from cofeat.cloud.ray_serve import Scale, keep_private, running
from cofeat.cloud.repository import Repository
from cofeat.cloud.server import ServerOptions, uvicorn_config
from cofeat.cloud.service import Settings
from cofeat.cloud.tokens import Tokens
from cofeat.feature.pipeline import compress, decompress

STRIDE = 4
CHANNELS = 2
# Long enough for any machine; nothing waits for it that goes right.
PATIENCE_S = 60


class FakeModel:
    """Channel 0 is the train id, channel 1 the disparity, a picture's red the train id.

    ``batches`` holds the number of pictures of each run; while ``gate`` is not set,
    runs wait, and ``running`` says that one does.
    """

    tasks = ("segmentation", "disparity", "reconstruction")
    stride = STRIDE
    entry = SimpleNamespace(
        tasks=(
            TaskEntry("segmentation", "uint8", ("N", "H", "W"), None),
            TaskEntry("disparity", "float32", ("N", "H", "W"), None),
            TaskEntry("reconstruction", "float32", ("N", "H", "W", "3"), None),
        )
    )

    def __init__(self, name="street", version="1", model_id=b"01234567", parts=("heads", "whole")):
        self.name = name
        self.version = version
        self.model_id = model_id
        self.tables_id = self.fitted = None
        self.parts = parts
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()
        self.running = threading.Event()

    def has(self, part):
        return part in self.parts

    def load(self, *parts):
        assert set(parts) <= set(self.parts)

    def feature_shape(self, size):
        return CHANNELS, -(-size[0] // STRIDE), -(-size[1] // STRIDE)

    def predict_batch(self, features, tasks=None):
        large = features.repeat(STRIDE, axis=2).repeat(STRIDE, axis=3)
        return self._outputs(large[:, 0], large[:, 1], tasks)

    def predict_images(self, images, tasks=None):
        return self._outputs(images[..., 0], images[..., 1].astype(np.float32), tasks)

    def _outputs(self, ids, disparity, tasks):
        self.batches.append(len(ids))
        self.running.set()
        assert self.gate.wait(PATIENCE_S)
        outputs = {
            "segmentation": ids.astype(np.uint8),
            "disparity": disparity,
            "reconstruction": np.full((*ids.shape, 3), 0.5, np.float32),
        }
        return {task: outputs[task] for task in tasks or self.tasks}


def features_of(size=(10, 13), seed=0):
    """Features of a picture whose sides the stride does not divide."""
    rng = np.random.default_rng(seed)
    shape = (CHANNELS, -(-size[0] // STRIDE), -(-size[1] // STRIDE))
    return rng.integers(0, 19, shape).astype(np.float32)


def stream_of(size=(10, 13), seed=0, model_id=b"01234567", codec="zstd"):
    """A bitstream for the model above."""
    return compress(features_of(size, seed), codec, image_size=size, model_id=model_id)


def expected_of(stream, channel, size=(10, 13)):
    """What a channel of a bitstream becomes, ids or disparity: each feature a square, cropped."""
    features = decompress(stream).features[channel].astype(("u1", "f4")[channel])
    return np.kron(features, np.ones((STRIDE, STRIDE), features.dtype))[: size[0], : size[1]]


@contextlib.contextmanager
def serving(*models, settings=None, tokens=None, tracing=None, protocol=None):
    """Run a server in a thread; gives its URL, its gRPC address and the server."""
    tokens = tokens or Tokens()
    started = SimpleNamespace()

    @contextlib.asynccontextmanager
    async def beside(service):
        async with grpc_layer.serving(service, "127.0.0.1", 0, tokens) as port:
            started.grpc = f"127.0.0.1:{port}"
            started.service = service
            yield

    load = lambda: Repository(models or (FakeModel(),))  # noqa: E731
    app = create_app(load, settings or Settings(), tokens, tracing, beside)
    config = uvicorn_config(app, ServerOptions(bundles=()), None)
    if protocol is not None:
        config.http = protocol
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    started.address = listening.getsockname()
    started.url = f"http://127.0.0.1:{started.address[1]}"
    started.server = server
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        # The socket listens already, so this waits until the server answers.
        httpx.get(f"{started.url}/v2/health/live", timeout=PATIENCE_S).raise_for_status()
        yield started
    finally:
        server.should_exit = True
        for model in models:
            model.gate.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.fixture(scope="session")
def kit():
    """What is above, for the tests' modules."""
    return SimpleNamespace(
        Model=FakeModel,
        stream_of=stream_of,
        expected_of=expected_of,
        serving=serving,
        patience_s=PATIENCE_S,
    )


@pytest.fixture(scope="module")
def street():
    """The model of ``server``."""
    return FakeModel()


@pytest.fixture(scope="session")
def ray_server():
    """A server of one model on Ray Serve; for all tests, since Ray takes seconds to start."""
    if find_spec("ray") is None:
        pytest.skip("there is no Ray: pip install 'cofeat[ray]'")

    def build_app():
        return create_app(lambda: Repository([FakeModel()]), batches=RayBatcher)

    keep_private()
    with contextlib.ExitStack() as stack:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's own
            from ray import cloudpickle

            # The replicas cannot import the tests.
            cloudpickle.register_pickle_by_value(sys.modules[__name__])
            ray = running(build_app, ServerOptions(bundles=(), port=0), Scale())
            url, _ = stack.enter_context(ray)
        yield SimpleNamespace(url=url, grpc=None)


@pytest.fixture(scope="module", params=["uvicorn", pytest.param("ray", marks=pytest.mark.slow)])
def server(request, street):
    """A server of one model for the tests of a module, on each engine."""
    if request.param == "ray":
        yield request.getfixturevalue("ray_server")
        return
    with serving(street) as started:
        yield started
