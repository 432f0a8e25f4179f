"""A deployable network: ONNX graphs, tables and a manifest in one folder, see ``layout``."""

from cofeat.bundle.reading import Bundle, BundleModel, open_bundle, open_bundle_model

__all__ = ["Bundle", "BundleModel", "open_bundle", "open_bundle_model"]
