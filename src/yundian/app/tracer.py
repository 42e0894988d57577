"""The OpenTelemetry side of ``telemetry``: imported only where traces are wanted."""

import contextlib
from collections.abc import Generator

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from yundian.platform.core.settings import Settings
from yundian.platform.web import tracing


@contextlib.contextmanager
def started(settings: Settings, *, exporter: SpanExporter | None = None) -> Generator[None, None, None]:
    """Export the spans of requests, statements and jobs until the block ends; then send what is left.

    Statements are traced as they are prepared, with placeholders: no value leaves the house.
    """
    provider = _provider()
    exporter = exporter or OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    instrumentor = AsyncPGInstrumentor()  # type: ignore[no-untyped-call]
    instrumentor.instrument(tracer_provider=provider)
    tracing.switch(is_on=True)
    try:
        yield
    finally:
        tracing.switch(is_on=False)
        instrumentor.uninstrument()
        provider.force_flush()


def _provider() -> TracerProvider:
    """The process has one provider, for good: OpenTelemetry takes no second."""
    present = trace.get_tracer_provider()
    if isinstance(present, TracerProvider):
        return present
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "yundian"}))
    trace.set_tracer_provider(provider)
    return provider
