"""Nothing of what runs here is reported to anybody."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["cofeat.runtime.sessions", "cofeat.export.int8"])
@pytest.mark.parametrize(("given", "expected"), [(None, "1"), ("0", "0")])
def test_onnx_runtime_is_told_to_report_nothing_unless_one_wants_it(module, given, expected):
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    if given is not None:
        environment["ORT_DISABLE_TELEMETRY"] = given
    code = (
        f"import os, sys, {module}\n"
        "assert 'onnxruntime' not in sys.modules\n"  # it reads the variable when it is imported
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected
