"""The network of the shared bundle, as torch runs it."""

from __future__ import annotations

import pytest

from cofeat.network.build import load_network


@pytest.fixture
def loaded(exported):
    """The checkpoint, read anew for each test, so that it may be spoilt."""
    return load_network(exported.checkpoint)
