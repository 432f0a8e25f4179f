"""The example of docs/edge.md works as it stands there."""

import asyncio
import re
import types
from pathlib import Path

import numpy as np

PAGE = Path(__file__).parents[2] / "docs" / "edge.md"


def test_the_example_of_the_page(exported, server, images, tmp_path):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    example = types.ModuleType("example")
    exec(compile(block, str(PAGE), "exec"), vars(example))
    classes = example.classes_of(images[0], exported.bundle, server.url)
    assert classes.shape == (30, 50)
    assert classes.dtype == np.uint8

    async def watch():
        frames = example.watch(images, exported.bundle, server.url, tmp_path / "queue")
        return [name async for name, *_ in frames]

    live = [name for name in asyncio.run(watch()) if name.isdigit()]
    assert sorted(set(live)) == [f"{number:06d}" for number in range(len(images))]
