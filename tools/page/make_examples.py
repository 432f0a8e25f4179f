"""Draws the street scenes that the page offers, with the library's own generator."""

from pathlib import Path

from PIL import Image

from cofeat.data.streets.render import render_scene

OUT = Path(__file__).parents[2] / "src/cofeat/web/page/examples"
SIZE = (256, 512)
# Chosen by eye: a tram and a car, a bus and trees, a crossing with people, trams side by side.
SEEDS = (900_014, 900_007, 900_017, 900_008)


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS, 1):
        scene = render_scene(seed, SIZE)
        Image.fromarray(scene.image).save(OUT / f"street{number}.jpg", quality=85, optimize=True)


if __name__ == "__main__":
    main()
