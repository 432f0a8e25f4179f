"""The page's modules make the library's bytes; by Node, where there is one, as it is quick."""

import json
import shutil
import subprocess
from importlib.resources import as_file, files
from pathlib import Path

import pytest

HERE = Path(__file__).parent
RUN = """
import { readFileSync } from "node:fs";
const [, , code, given] = process.argv;
const made = await eval(readFileSync(code, "utf8"))(JSON.parse(readFileSync(given, "utf8")));
process.stdout.write(JSON.stringify(made));
"""


@pytest.fixture(scope="session")
def node():
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node (Debian: apt-get install nodejs)")
    return found


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """The page's modules in a folder."""
    modules = tmp_path_factory.mktemp("page") / "modules"
    with as_file(files("cofeat.web").joinpath("page")) as page:
        shutil.copytree(page, modules, ignore=shutil.ignore_patterns("ort", "examples"))
    (modules / "package.json").write_text('{"type": "module"}')
    return modules


@pytest.fixture
def run(node, modules):
    """Called with lines of JavaScript, runs them beside the modules; what they print as JSON."""

    def run_lines(lines):
        file = modules / "lines.mjs"
        file.write_text(lines)
        done = subprocess.run(
            [node, file], capture_output=True, text=True, timeout=60, check=False, cwd=modules
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run_lines


def test_the_modules_make_the_librarys_bytes(node, modules, vectors, tmp_path):
    (modules / "run.mjs").write_text(RUN)
    given = tmp_path / "given.json"
    given.write_text(json.dumps(vectors.arguments(f"{modules.as_uri()}/")))
    done = subprocess.run(
        [node, modules / "run.mjs", HERE / "vectors.js", given],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    vectors.check(json.loads(done.stdout))


BROWSER = """
globalThis.self = globalThis;
const { Network, LinkError, TokenError } = await import("./network.js");
const network = new Network(() => {});
const KINDS = [[LinkError, "link"], [TokenError, "token"]];
const kindOf = (promise) => promise.then(
  () => "answered",
  (error) => KINDS.find(([kind]) => error instanceof kind)?.[1] ?? String(error));
"""
# A server that sends half of an answer and is gone.
CUT = """
import { createServer } from "node:http";
const server = createServer((request, response) => {
  response.writeHead(200, { "Content-Length": "1000" });
  response.write("x".repeat(10), () => response.destroy());
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const real = fetch;
globalThis.fetch = (path, how) => real(`http://127.0.0.1:${server.address().port}/${path}`, how);
"""


def test_a_link_lost_inside_an_answer_is_a_lost_link(run):
    told = run(f"""{CUT}{BROWSER}
const model = {{ name: "m", version: "1", tasks: ["segmentation"] }};
const found = [
  await kindOf(network.models()),
  await kindOf(network.file({{ sha256: "00" }}, "the encoder")),
  await kindOf(network.infer(model, "bitstream", new Uint8Array(5), "features")),
];
console.log(JSON.stringify([found, network.entries.map((entry) => entry.status)]));
server.close();
""")
    assert told == [["link"] * 3, ["no answer"] * 3]


@pytest.mark.parametrize("storage", ["full", "refused"])
def test_a_browser_that_keeps_nothing_goes_on_with_what_came(run, storage):
    told = run(f"""{BROWSER}
const no = () => {{ throw new Error("QuotaExceededError"); }};
globalThis.sessionStorage = {{ getItem: no, setItem: no }};
const cache = {{ put: async () => no(), keys: async () => no() }};
globalThis.caches = {{ open: async () => "{storage}" === "full" ? cache : no() }};
const models = JSON.stringify({{ models: [{{ name: "m", files: {{}} }}] }});
globalThis.fetch = async (path) => new Response(path.endsWith("json") ? models : "bytes");
const another = new Network(() => {{}});
another.setToken("secret");
const digest = await crypto.subtle.digest("SHA-256", Buffer.from("bytes"));
const hex = Buffer.from(digest).toString("hex");
const bytes = Buffer.from(await another.file({{ sha256: hex }}, "the encoder")).toString();
console.log(JSON.stringify([await another.models(), bytes, another.token]));
""")
    assert told == [[{"name": "m", "files": {}}], "bytes", "secret"]


def test_a_token_that_no_header_can_hold_is_refused(run):
    told = run(f"""{BROWSER}
console.log(JSON.stringify(await kindOf((async () => network.setToken("gehe\u0131m"))())));
""")
    assert told == "token"


def test_what_is_kept_is_shown_where_the_network_swallows_packets(run, modules):
    worker = modules / "service_worker.js"
    text = (
        worker.read_text()
        .replace("{{names}}", "[]")
        .replace("PATIENCE_MS = 3000", "PATIENCE_MS = 50")
    )
    told = run(f"""
globalThis.self = globalThis;
const listeners = {{}};
self.addEventListener = (kind, act) => {{ listeners[kind] = act; }};
self.registration = {{ scope: "https://street.example/" }};
self.location = {{ origin: "https://street.example" }};
const kept = new Map([["https://street.example/", "the page"]]);
globalThis.caches = {{ open: async () => ({{ match: async ({{ url }}) => kept.get(url) }}) }};
globalThis.fetch = () => new Promise(() => {{}});
(0, eval)({json.dumps(text)});
const asked = (url) => new Promise((respondWith) => listeners.fetch({{
  request: {{ method: "GET", url }}, respondWith,
}})).then((answer) => answer);
console.log(JSON.stringify(await asked("https://street.example/")));
process.exit(0);
""")
    assert told == "the page"


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.6121, 0.6148, ["0.613", "0.614"]),
        (0.55, 0.63, ["0.56", "0.58", "0.60", "0.62"]),
        (20.0, 26.0, ["20", "22", "24", "26"]),
        (0.0, 1.3, ["0.0", "0.5", "1.0"]),
        (0.0, 0.04, ["0.00", "0.01", "0.02", "0.03", "0.04"]),
    ],
)
def test_ticks_are_told_to_as_many_digits_as_tell_them_apart(run, low, high, told):
    shown = run(f"""
const {{ ticks }} = await import("./chart.js");
console.log(JSON.stringify(ticks({low}, {high}).map((tick) => tick.told)));
""")
    assert shown == told
