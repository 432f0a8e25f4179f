"""The page in Chromium, against `cofeat serve` with a real bundle.

Nothing waits by the clock: the page counts its frames in ``data-frames`` and tells in ``data-mode``
where the last one ran.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from cofeat.feature.pipeline import compress_quantized, decompress, decompress_quantized
from cofeat.tasks import load_task
from cofeat.web.assets import assets

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
HERE = Path(__file__).parent
PATIENCE_MS = 60_000
TOKEN = "a-token-of-some-length"
# A name that is not this machine's own, so that the page is not trusted without HTTPS.
ELSEWHERE = "phone.test"
# What it says itself of a server that is gone, of a certificate that nobody vouches for, and of a
# page without HTTPS.
OF_CHROMIUM = (
    "Failed to load resource",
    "error occurred when fetching the script",
    "Cross-Origin-Opener-Policy header has been ignored",
)
SOFTWARE_GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
HEADER_LENGTH = "inference-header-content-length"


class Server:
    """A `cofeat serve` that can be stopped and started again at its port."""

    def __init__(self, *words, **environment):
        self.words = [*map(str, words), "--threads", "1"]
        self.environment = environment
        self.port = "0"
        self.start()

    def start(self):
        command = [sys.executable, "-m", "cofeat", "serve", *self.words, "--port", self.port]
        environment = {**os.environ, **self.environment}
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        for line in self.process.stderr:
            told = json.loads(line)
            if told["message"] == "serving":
                self.url = told["url"]
                self.port = str(urlsplit(self.url).port)
                break
        else:
            raise AssertionError("the server did not start")
        self.reader = threading.Thread(target=self.process.stderr.read)
        self.reader.start()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(120) == 0
        self.reader.join(120)
        self.process.stderr.close()


@pytest.fixture(scope="module")
def launch():
    """Called with flags, starts a Chromium that ends with the module."""
    sync_api = pytest.importorskip("playwright.sync_api")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium (Debian: apt-get install chromium)")
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    flags.append(f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1")
    with sync_api.sync_playwright() as playwright, contextlib.ExitStack() as browsers:

        def start(*more):
            browser = playwright.chromium.launch(executable_path=found, args=[*flags, *more])
            browsers.callback(browser.close)
            return browser

        yield start


@pytest.fixture(scope="module")
def browser(launch):
    return launch()


@pytest.fixture(scope="module")
def server(tabled, browser):
    server = Server(tabled.folder)
    yield server
    server.stop()


class Page:
    """A page, its requests, and nothing it complained of."""

    def __init__(self, browser, url, **options):
        self.context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, **options}
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.requests, self.errors = [], []
        self.context.on("request", lambda request: self.requests.append(request))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._said)
        self.page.goto(url)

    def _said(self, message):
        expected = any(words in message.text for words in OF_CHROMIUM)
        if message.type == "error" and not expected:
            self.errors.append(message.text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.context.close()
        assert self.errors == []

    def frames(self):
        return int(self.page.locator("body").get_attribute("data-frames") or 0)

    def wait_for(self, **data):
        selector = "".join(f'[data-{name}="{value}"]' for name, value in data.items())
        self.page.locator(f"body{selector}").wait_for()

    def ready(self):
        """Wait for the first frame, and for what the device needs to go on alone."""
        self.page.locator("body[data-frames][data-rest=ready]").wait_for()

    def another(self, act):
        """Do something that makes a frame, and wait for it."""
        self.page.locator("body[data-busy=no]").wait_for()
        before = self.frames()
        act()
        self.page.locator(f'body:not([data-frames="{before}"])[data-busy=no]').wait_for()

    def more(self, count):
        """Wait for so many frames."""
        for _ in range(count):
            self.page.locator(f'body:not([data-frames="{self.frames()}"])').wait_for()

    def bodies(self):
        """What was posted, without the protocol's head: (its name, bytes)."""
        posted = []
        for request in self.requests:
            if request.method == "POST":
                body = request.post_data_buffer
                length = int(request.headers[HEADER_LENGTH])
                (tensor,) = json.loads(body[:length])["inputs"]
                (size,) = struct.unpack_from("<I", body, length)
                assert len(body) == length + 4 + size
                posted.append((tensor["name"], body[length + 4 :]))
        return posted

    def choose(self, group, name):
        self.page.get_by_role("group", name=group).get_by_role("radio", name=name).check(force=True)

    def pixels(self, canvas="#picture"):
        """A canvas that one sees, (H, W, 3)."""
        data = self.page.locator(canvas).evaluate(
            "c => ({w: c.width, h: c.height, text: btoa(Array.from(c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data, b => String.fromCharCode(b)).join(''))})"
        )
        raw = np.frombuffer(base64.b64decode(data["text"]), np.uint8)
        return raw.reshape(data["h"], data["w"], 4)[..., :3]

    def slide(self, name, value):
        self.page.get_by_role("slider", name=name).fill(str(value))


def test_an_example_is_split_and_its_outputs_are_drawn(browser, server, tabled):
    with Page(browser, server.url) as page:
        page.ready()
        page.wait_for(mode="split")
        page.page.get_by_label("Strength").fill("100")
        page.page.locator("summary").click()
        page.another(lambda: page.page.get_by_label("Picture size").select_option("128x64"))
        seen = {}
        for view in ("Picture", "Segmentation", "Disparity", "Reconstruction"):
            page.choose("Show", view)
            seen[view] = page.pixels()
        kind, stream = page.bodies()[-1]
        assert kind == "bitstream"
        decoded = decompress(stream, tables=tabled.model.fitted)
        size = decoded.stream.image_size
        predicted = tabled.model.predict(decoded.features, size)
        for task, exact in (
            ("segmentation", True),
            ("disparity", False),
            ("reconstruction", False),
        ):
            drawn = load_task(task).draw(predicted[task]).astype(int)
            shown = seen[task.capitalize()].astype(int)
            step = shown.shape[0] // size[0]
            middle = shown[step // 2 :: step, step // 2 :: step]
            off = np.abs(middle - drawn).max(axis=-1)
            # Enlarged without smoothing the pixels are the task's colors; with it they are near.
            assert np.mean(off > (0 if exact else 48)) < 0.01, task
        assert np.abs(seen["Picture"].astype(int) - seen["Segmentation"]).mean() > 5


def test_its_bytes_are_the_librarys(browser, server, tabled):
    with Page(browser, server.url) as page:
        page.ready()
        for place in (0, 1, 6, 12):
            page.another(lambda place=place: page.slide("Rate", place))
            _, stream = page.bodies()[-1]
            quantized, told = decompress_quantized(stream, tables=tabled.model.fitted)
            assert told.model_id == tabled.model.model_id
            assert told.tables_id == tabled.model.tables_id
            assert (told.codec_id, quantized.bits) == ((17, 6) if place else (16, 6))
            name = f"cofeat-lossy:{told.setting}" if place else f"cofeat:{told.setting}"
            again = compress_quantized(
                quantized, name, told.image_size, told.model_id, tabled.model.fitted
            )
            assert again == stream
        sizes = [len(stream) for _, stream in page.bodies()]
        assert sizes[-1] < sizes[-2] < sizes[-4]
        page.page.locator("summary").click()
        page.another(lambda: page.page.get_by_label("Codec").select_option("png"))
        quantized, told = decompress_quantized(page.bodies()[-1][1])
        assert (told.codec_id, quantized.bits) == (1, 6)


def test_a_model_of_learned_tables_has_their_codec(browser, server, tabled):
    with Page(browser, server.url) as page:
        page.ready()
        page.page.locator("summary").click()
        model = page.page.locator("#model")
        page.another(lambda: model.select_option(label="tabled-learned, version 1"))
        assert page.page.get_by_role("slider", name="Rate").get_attribute("max") == "20"
        sizes = []
        # Where the bundle begins, and both ends.
        for place, setting in ((6, 18), (12, 24), (0, 12)):
            if sizes:
                page.another(lambda place=place: page.slide("Rate", place))
            _, stream = page.bodies()[-1]
            quantized, told = decompress_quantized(stream, tables=tabled.learned.fitted)
            assert (told.codec_id, told.setting, quantized.bits) == (18, setting, 12)
            assert told.model_id == tabled.learned.model_id
            assert told.tables_id == tabled.learned.tables_id
            again = compress_quantized(
                quantized,
                f"cofeat-learned:{setting}",
                told.image_size,
                told.model_id,
                tabled.learned.fitted,
            )
            assert again == stream
            sizes.append(len(stream))
        assert sizes[2] > sizes[0] > sizes[1]
        # Few levels, which one sees all the same: from the middle grey to black or white.
        grey = page.pixels("#mosaic")[..., 0].astype(int)
        assert np.abs(grey - 127.5).max() > 127
        assert np.abs(grey - 127.5).min() < 1


def test_vectors_give_the_librarys_bytes_in_a_browser(browser, server, vectors):
    with Page(browser, server.url) as page:
        base = f"{server.url}/page/assets/{assets().digest}/"
        made = page.page.evaluate((HERE / "vectors.js").read_text(), vectors.arguments(base))
        vectors.check(made)


def test_without_webgpu_the_networks_run_by_webassembly_and_the_page_says_so(browser, server):
    """Chromium without a GPU has at most one of software, which is no reason to take WebGPU."""
    with Page(browser, server.url) as page:
        page.ready()
        page.page.locator("summary").click()
        told = page.page.locator("#runtime")
        assert page.page.get_by_label("Runs on").input_value() == "auto"
        assert told.inner_text().startswith("The networks run by WebAssembly in ")
        page.another(lambda: page.page.get_by_label("Runs on").select_option("wasm"))
        assert told.inner_text().startswith("The networks run by WebAssembly in ")
        # The build for WebGPU is 4 MB that nobody needs here.
        assert not [request.url for request in page.requests if ".jspi." in request.url]


def test_webgpu_makes_the_features_that_webassembly_makes(launch, server, tabled):
    """By a GPU of software, which one may choose and which nobody is given unasked."""
    with Page(launch(*SOFTWARE_GPU), server.url) as page:
        page.ready()
        adapter = "async () => Boolean(await navigator.gpu?.requestAdapter())"
        if not page.page.evaluate(adapter):
            pytest.skip("this Chromium has no WebGPU in software")
        page.page.locator("summary").click()
        told = page.page.locator("#runtime")
        assert told.inner_text().startswith("The networks run by WebAssembly in ")
        page.another(lambda: page.page.get_by_label("Runs on").select_option("webgpu"))
        assert told.inner_text().startswith("The networks run by WebGPU.")
        first, second = (
            decompress(stream, tables=tabled.model.fitted) for _, stream in page.bodies()[-2:]
        )
        assert second.stream.model_id == tabled.model.model_id
        # GPUs sum in another order, so that a value at the border of two levels may fall to either.
        spread = np.ptp(first.features)
        np.testing.assert_allclose(first.features, second.features, atol=0.05 * spread)
        assert np.ptp(second.features) > 0.5 * spread > 0


def test_settings_may_change_while_frames_run(browser, server, tabled):
    """No frame is lost in a worker that is gone, none runs in a model that is half there."""
    with Page(browser, server.url) as page:
        page.ready()
        page.page.locator("summary").click()
        page.page.get_by_label("Keep running").check()
        for mode in ("Split", "Device"):
            page.choose("Where it runs", mode)
            page.more(2)
            for label, value in (
                ("Threads", "1"),
                ("Encoder", "encoder_int8"),
                ("Runs on", "wasm"),
                ("Encoder", "encoder"),
                ("Model", "1"),
                ("Model", "0"),
                ("Picture size", "128x64"),
                ("Threads", "2"),
            ):
                choice = page.page.locator(".settings label", has_text=label).locator("select")
                if choice.locator(f'option[value="{value}"]').count():
                    choice.select_option(value)
            page.ready()
            page.more(3)
            assert page.page.get_by_label("Keep running").is_checked()
            assert not page.page.locator("#note.problem").is_visible()


def test_modes_send_what_they_say_and_to_nobody_else(browser, server):
    with Page(browser, server.url) as page:
        page.ready()
        page.another(lambda: page.choose("Where it runs", "Cloud"))
        kind, body = page.bodies()[-1]
        assert (kind, body[:3]) == ("image", b"\xff\xd8\xff")
        count = len(page.bodies())
        page.another(lambda: page.choose("Where it runs", "Device"))
        page.wait_for(mode="mobile")
        assert len(page.bodies()) == count
        assert page.page.locator("#sent").inner_text() == "0"
        page.another(lambda: page.choose("Where it runs", "Split"))
        assert page.bodies()[-1][0] == "bitstream"
        rows = page.page.locator("#requests tr").all_inner_texts()
        assert sum("features, no pixels" in row for row in rows) == len(page.bodies()) - 1
        assert "can see the scene" in page.page.locator("#privacy").inner_text()
        assert {urlsplit(request.url).netloc for request in page.requests} == {
            urlsplit(server.url).netloc
        }


def test_the_page_goes_on_without_its_server_and_comes_back(browser, tabled):
    server = Server(tabled.folder)
    try:
        with Page(browser, server.url) as page:
            page.ready()
            page.wait_for(kept="ready")
            server.stop()
            page.wait_for(mode="mobile")
            assert "running on this device" in page.page.locator("#link").inner_text()
            # Opened anew, from what the browser has kept.
            page.page.reload()
            page.ready()
            page.wait_for(mode="mobile")
            page.another(lambda: page.page.get_by_role("button", name="Street scene 2").click())
            server.start()
            page.wait_for(mode="split")
            assert page.page.locator("#link").inner_text() == "Server reached"
            page.errors.clear()  # a page without a server may say so
    finally:
        server.stop()


def test_the_camera(browser, server):
    with Page(browser, server.url, permissions=["camera"]) as page:
        page.ready()
        page.page.get_by_role("button", name="Camera").click()
        page.page.locator("#camera[aria-pressed=true]").wait_for()
        page.more(3)
        page.page.get_by_role("button", name="Pause").click()
        page.page.locator("body[data-busy=no]").wait_for()
        assert float(page.page.locator("#fps").inner_text().replace("–", "1")) > 0
        shown = page.frames()
        page.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.page.wait_for_timeout(500)
        assert page.frames() == shown  # a camera that is paused sends nothing by itself
        # The fake camera shows a green field with a moving pie.
        page.choose("Show", "Picture")
        assert page.pixels().reshape(-1, 3).mean(axis=0).argmax() == 1


def test_where_there_is_no_https_the_page_says_what_is_missing(browser, server):
    with Page(browser, server.url.replace("127.0.0.1", ELSEWHERE)) as page:
        page.ready()
        page.wait_for(mode="split")
        page.page.get_by_role("button", name="Camera").click()
        told = page.page.locator("#camera-told")
        told.wait_for()
        assert "--tls-self-signed" in told.inner_text()


def test_a_certificate_of_its_own_gives_a_phone_the_camera(browser, tabled):
    server = Server(tabled.folder, "--tls-self-signed")
    try:
        url = server.url.replace("127.0.0.1", ELSEWHERE)
        options = {"ignore_https_errors": True, "permissions": ["camera"]}
        with Page(browser, url, **options) as page:
            page.ready()
            page.wait_for(kept="refused")
            page.page.get_by_role("button", name="Camera").click()
            page.page.locator("#camera[aria-pressed=true]").wait_for()
            page.more(2)
            page.wait_for(mode="split")
    finally:
        server.stop()


def test_a_token_is_asked_for(browser, tabled):
    server = Server(tabled.folder, COFEAT_TOKENS=TOKEN)
    try:
        with Page(browser, server.url) as page:
            field = page.page.get_by_label("This server wants a token")
            field.fill("not-the-token-of-it")
            field.press("Enter")
            page.page.get_by_text("This is no token of the server.").wait_for()
            field.fill(TOKEN)
            field.press("Enter")
            page.ready()
            page.wait_for(mode="split")
    finally:
        server.stop()


def test_by_keyboard_on_a_phone(browser, server):
    with Page(browser, server.url, viewport={"width": 390, "height": 844}) as page:
        page.ready()
        width = page.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390
        page.page.locator("[name=view]:checked").focus()
        page.page.keyboard.press("ArrowRight")
        assert page.page.get_by_role("radio", name="Disparity").is_checked()
        page.page.locator("[name=mode]:checked").focus()
        page.another(lambda: page.page.keyboard.press("ArrowLeft"))
        page.wait_for(mode="mobile")
        # Every control has a name that a screen reader says.
        for control in page.page.locator("button, input, select, summary").all():
            if control.is_visible():
                assert named(control), control.evaluate("node => node.outerHTML")
        for canvas in page.page.locator("canvas").all():
            assert canvas.get_attribute("aria-label")


def named(control):
    return control.evaluate(
        "node => [node.getAttribute('aria-label'), node.textContent, node.title,"
        " ...[...(node.labels ?? [])].map((label) => label.textContent),"
        " ...[...node.querySelectorAll('img')].map((image) => image.alt)]"
        ".some((text) => text?.trim())"
    )


def test_nothing_is_left_of_the_old_page_when_it_changes(browser, server):
    with Page(browser, server.url) as page:
        page.ready()
        page.wait_for(kept="ready")
        names = page.page.evaluate("caches.keys()")
        assert sorted(names) == ["cofeat-models", f"cofeat-page-{assets().digest}"]
        kept = page.page.evaluate(
            "async () => (await (await caches.open('cofeat-models')).keys()).map((r) => r.url)"
        )
        assert any(re.search(r"/page/files/[0-9a-f]{64}$", url) for url in kept)
