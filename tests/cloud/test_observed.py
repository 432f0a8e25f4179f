"""What is counted, logged and traced."""

import json
import logging

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families

from cofeat.cloud.logs import JsonFormatter, log, request_id
from cofeat.cloud.tracing import Tracing


def samples(server):
    text = httpx.get(f"{server.url}/metrics", timeout=60).text
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_batches_and_stages_are_counted(kit):
    with kit.serving(kit.Model()) as server, httpx.Client(timeout=60) as client:
        for body in (kit.stream_of(), kit.stream_of(), b"nonsense"):
            client.post(f"{server.url}/predict", content=body)
        client.get(f"{server.url}/any/path/at/all")
        counts = samples(server)
    assert counts["cofeat_requests_total", "200", "http", "predict"] == 2
    assert counts["cofeat_requests_total", "400", "http", "predict"] == 1
    assert counts["cofeat_requests_total", "404", "http", "unknown"] == 1
    assert counts["cofeat_batch_items_count", "street"] == 2
    assert counts["cofeat_batch_items_sum", "street"] == 2
    for stage in ("decode", "wait", "run", "encode"):
        assert counts["cofeat_stage_seconds_count", *sorted(("street", stage))] == 2
    assert counts["cofeat_requests_in_flight",] == 0


def test_each_request_is_one_line_with_its_id(kit, caplog):
    caplog.set_level(logging.INFO, "cofeat.cloud")
    with kit.serving(kit.Model()) as server, httpx.Client(timeout=60) as client:
        given = {"X-Request-Id": "frame-7"}
        answer = client.post(f"{server.url}/predict", content=kit.stream_of(), headers=given)
        assert answer.headers["X-Request-Id"] == "frame-7"
    (record,) = [
        one for one in caplog.records if getattr(one, "fields", {}).get("method") == "predict"
    ]
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "request"
    assert (line["request_id"], line["status"], line["level"]) == ("frame-7", 200, "info")
    assert line["ms"] > 0


@pytest.mark.parametrize("given", [None, "", "a b", "a\nb", "x" * 65, "é"])
def test_ids_that_would_spoil_a_log_are_replaced(given):
    made = request_id(given)
    assert len(made) == 32
    assert made != request_id(given)


def test_a_line_is_json_whatever_is_in_it(caplog):
    caplog.set_level(logging.INFO, "cofeat.cloud")
    log('with "quotes"\nand a line', path="\ud800", thing=object)
    (text,) = JsonFormatter().format(caplog.records[-1]).splitlines()
    assert json.loads(text)["message"] == 'with "quotes"\nand a line'


def test_spans_of_the_stages_have_the_client_s_as_parent(kit):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    with kit.serving(kit.Model(), tracing=Tracing(provider)) as server:
        exporter.clear()
        httpx.post(
            f"{server.url}/predict",
            content=kit.stream_of(),
            headers={"traceparent": f"00-{trace}-{span}-01"},
            timeout=60,
        )
    spans = {one.name: one for one in exporter.get_finished_spans()}
    assert set(spans) == {"request", "decode", "run"}
    assert all(f"{one.context.trace_id:032x}" == trace for one in spans.values())
    assert f"{spans['request'].parent.span_id:016x}" == span
    assert spans["run"].parent.span_id == spans["request"].context.span_id
