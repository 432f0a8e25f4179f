"""The network's graphs by ONNX Runtime, without torch: a device's half, the cloud's, the whole."""

from cofeat.runtime.model import RuntimeModel

__all__ = ["RuntimeModel"]
