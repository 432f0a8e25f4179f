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


def test_the_modules_make_the_librarys_bytes(node, vectors, tmp_path):
    modules = tmp_path / "modules"
    with as_file(files("cofeat.web").joinpath("page")) as page:
        shutil.copytree(page, modules, ignore=shutil.ignore_patterns("ort", "examples"))
    (modules / "package.json").write_text('{"type": "module"}')
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
