"""The trace of a request goes on in the job that applies its event, on another process and another day."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.courier_kit import Courier
from tests.courier_room import Noted
from yundian.app.tracer import started
from yundian.platform.core.settings import Settings
from yundian.platform.outbox import outbox

pytestmark = pytest.mark.anyio


async def test_a_job_continues_the_trace_of_the_request_whose_event_it_applies(
    courier: Courier, settings: Settings
) -> None:
    exporter = InMemorySpanExporter()
    with started(settings, exporter=exporter):
        with trace.get_tracer("test").start_as_current_span("request") as request:
            async with courier.database.connection(courier.brand) as tx:
                await outbox.record(tx, Noted(number=1))
        await courier.relay()
        await courier.work()

    jobs = [span for span in exporter.get_finished_spans() if span.name.startswith("courier ")]
    assert await courier.states() == {"done": 2}
    assert len(jobs) == 2
    assert {span.context.trace_id for span in jobs} == {request.get_span_context().trace_id}
    assert {span.parent.span_id for span in jobs if span.parent} == {request.get_span_context().span_id}
