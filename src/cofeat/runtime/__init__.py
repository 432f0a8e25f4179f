"""The network's graphs by ONNX Runtime, without torch: a device's half, the cloud's, the whole."""

import os

from cofeat.runtime.model import RuntimeModel

# Its builds for PyPI report their use to their maker over the network unless they are told,
# before they are imported, not to. Who sets it otherwise has decided.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["RuntimeModel"]
