"""What several tests of the street scenes share."""

import pytest

from cofeat.data.streets.render import Scene, render_scene


@pytest.fixture(scope="session")
def scenes() -> list[Scene]:
    """Sixty small scenes."""
    return [render_scene(5000 + index, (64, 128)) for index in range(60)]
