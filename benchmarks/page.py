"""How fast the page's device is: pictures to bitstreams in Chromium, in one WASM thread.

EfficientNet-Lite0, the mobile encoder, untrained and cut at stride 16, with tables fitted to its
features, at 256x128, served by `cofeat serve`; the page's own worker does the work. Prints JSON:
the milliseconds of each stage and frames a second, of the 8-bit encoder and of float32.

    python benchmarks/page.py [--frames N]

Needs Chromium (Debian: apt-get install chromium) and the extras `dev` and `train`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import sync_playwright

from cofeat.bundle import open_bundle
from cofeat.data.base import Sample
from cofeat.data.streets.render import render_scene
from cofeat.export.write import Options, Source, export_bundle
from cofeat.feature.entropy.fitting import fit_tables
from cofeat.feature.quantizer import quantize
from cofeat.network.build import build_network, load_network, save_network
from cofeat.runtime import RuntimeModel
from cofeat.tasks.segmentation import train_ids

SIZE = (128, 256)
SCENES = 16
WARM_UP = 5

# One frame after the other through the page's worker, as the page itself asks it.
RUN = """async ({ base, part, frames, warmUp }) => {
  const { Device } = await import(`${base}device.js`);
  const { models } = await (await fetch("page/models.json")).json();
  const entry = models[0];
  const file = async (name) =>
    (await fetch(`page/files/${entry.files[name].sha256}`)).arrayBuffer();
  const device = new Device();
  const about = await device.do("start", { provider: "wasm", threads: 1 });
  await device.do("model", { entry, encoder: await file(part), tables: await file("tables") });
  const blob = await (await fetch(`${base}examples/street1.jpg`)).blob();
  const canvas = new OffscreenCanvas(256, 128);
  const context = canvas.getContext("2d");
  context.drawImage(await createImageBitmap(blob), 0, 0, 256, 128);
  const { data, width, height } = context.getImageData(0, 0, 256, 128);
  const picture = { data, width, height };
  const all = [];
  for (let frame = 0; frame < warmUp + frames; frame++) {
    const started = performance.now();
    const { stream, times } = await device.do(
      "encode", { picture, codec: "cofeat-lossy", setting: 8 });
    const took = performance.now() - started;
    if (frame >= warmUp) all.push({ ...times, all: took, bytes: stream.length });
  }
  device.close();
  return { threads: about.threads, all };
}"""


class Scenes:
    """Street scenes, drawn now."""

    names = tuple(f"scene{index}" for index in range(SCENES))
    size = SIZE

    def __len__(self) -> int:
        return SCENES

    def __getitem__(self, index: int) -> Sample:
        scene = render_scene(index, SIZE)
        truths = {"segmentation": train_ids(scene.label_ids), "disparity": scene.disparity}
        return Sample(self.names[index], scene.image, {**truths, "reconstruction": scene.image})


def make_bundle(folder: Path) -> Path:
    """Export the network without tables, fit them to what it makes, and export it with them."""
    torch.manual_seed(0)
    config = {"encoder": "efficientnet_lite0", "cut": "stride16"}
    checkpoint = folder / "checkpoint"
    checkpoint.mkdir()
    save_network(checkpoint, build_network(**config), config, {"model": "bench", "arm": "none"})
    network = load_network(checkpoint)
    options = Options(calibration_images=SCENES, accuracy_images=1)
    scenes = Scenes()
    export_bundle(folder / "plain", [Source("bench", network, scenes, scenes, "streets")], options)
    plain = RuntimeModel(open_bundle(folder / "plain").model(), threads=1)
    features = [quantize(plain.encode(scenes[index].image), plain.bits) for index in range(SCENES)]
    network = replace(network, tables=fit_tables(features))
    export_bundle(folder / "bundle", [Source("bench", network, scenes, scenes, "streets")], options)
    return folder / "bundle"


def measure(url: str, part: str, frames: int, chromium: str) -> dict[str, object]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(service_workers="block")
        # The page's own frames would run beside what is measured.
        page.route("**/app.js", lambda route: route.abort())
        page.goto(url)
        script = page.locator("script[type=module]").get_attribute("src")
        base = f"{url}/{script.removesuffix('app.js')}"
        argument = {"base": base, "part": part, "frames": frames, "warmUp": WARM_UP}
        told = page.evaluate(RUN, argument)
        version = browser.version
        browser.close()
    rows = told["all"]
    medians = {key: float(np.median([row[key] for row in rows])) for key in rows[0]}
    slow = float(np.percentile([row["all"] for row in rows], 95))
    return {
        "encoder": part,
        "threads": told["threads"],
        "chromium": version,
        "median_ms": {key: round(value, 2) for key, value in medians.items() if key != "bytes"},
        "p95_ms": round(slow, 2),
        "frames_per_s": round(1000 / medians["all"], 1),
        "bytes": medians["bytes"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100)
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no Chromium: install it (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder:
        bundle = make_bundle(Path(folder))
        # `make bench` shows figures alone.
        command = [sys.executable, "-m", "cofeat", "serve", str(bundle), "--port", "0"]
        command += ["--threads", "1"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            told = (json.loads(line) for line in server.stderr)
            url = next(line["url"] for line in told if line["message"] == "serving")
            try:
                for part in ("encoder_int8", "encoder"):
                    print(json.dumps(measure(url, part, arguments.frames, chromium)))
            finally:
                server.terminate()
                server.communicate()


if __name__ == "__main__":
    main()
