"""One trace from the caller through our statements to the event; nothing at all when no exporter is set."""

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sqlmodel import col, select

from tests.web.probe import Rang
from yundian.app import telemetry
from yundian.app.tracer import started
from yundian.brands.types import BrandView
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services
from yundian.platform.outbox.models import OutboxEvent
from yundian.platform.web import tracing

pytestmark = pytest.mark.anyio

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


async def test_a_request_its_statements_and_its_event_are_one_trace(
    api: httpx.AsyncClient, services: Services, brand: BrandView, settings: Settings
) -> None:
    exporter = InMemorySpanExporter()
    with started(settings, exporter=exporter):
        await api.post("/v1/probe/bells?secret=s3cr3t", json={"note": "13812345678"}, headers=PARENT)

    spans = [span for span in exporter.get_finished_spans() if f"{span.context.trace_id:032x}" == TRACE]
    request = next(span for span in spans if span.name == "probe_ring")
    statements = [span for span in spans if span.attributes and "db.system" in span.attributes]
    assert request.attributes is not None
    assert request.attributes["http.response.status_code"] == 201
    assert request.attributes["yundian.brand_id"] == str(brand.id)
    assert any("outbox_event" in str(span.attributes) for span in statements)
    assert "13812345678" not in str([dict(span.attributes or {}) for span in spans])
    assert "s3cr3t" not in str([dict(span.attributes or {}) for span in spans])
    async with services.database.unit_of_work(brand.id) as session:
        event = (await session.exec(select(OutboxEvent).where(col(OutboxEvent.tag) == Rang.tag_of()))).one()
    assert event.trace_parent is not None
    assert event.trace_parent.split("-")[1] == TRACE


async def test_without_an_exporter_nothing_is_switched_on(settings: Settings) -> None:
    with telemetry.tracing(settings):
        assert not tracing._is_on
