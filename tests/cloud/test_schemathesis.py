"""The OpenAPI page and the server agree, whatever is sent that the page allows or forbids."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS

# No schema can say what bytes are a bitstream, so most that it allows are refused, with 400.
EXCLUDED = ("positive_data_acceptance",)
OPERATIONS = (
    ("GET", "/v2"),
    ("GET", "/v2/health/live"),
    ("GET", "/v2/health/ready"),
    ("GET", "/v2/models/{name}"),
    ("GET", "/v2/models/{name}/ready"),
    ("GET", "/v2/models/{name}/versions/{version}"),
    ("GET", "/v2/models/{name}/versions/{version}/ready"),
    ("POST", "/v2/models/{name}/infer"),
    ("POST", "/v2/models/{name}/versions/{version}/infer"),
    ("POST", "/predict"),
    ("GET", "/metrics"),
)


@pytest.fixture(scope="module")
def page(server):
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def test_every_operation_of_the_page_is_tried(page):
    found = [result.ok() for result in page.get_all_operations()]
    assert {(one.method.upper(), one.path) for one in found} == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_page_and_the_server_agree(page, method, path):
    operation = page[path][method]
    strategy = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @given(strategy)
    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    def check(case):
        excluded = [CHECKS.get_one(name) for name in EXCLUDED]
        case.call_and_validate(excluded_checks=excluded, timeout=60)

    check()
