"""Continues the trace of the request that recorded an event in the job that applies it. Free without a tracer."""

import contextlib
from collections.abc import Iterator, Sequence

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags

_MOST_LINKS = 32
_tracer = trace.get_tracer("yundian.courier")


@contextlib.contextmanager
def span(name: str, trace_parents: Sequence[str | None]) -> Iterator[None]:
    """A span below the first event's trace, linked to the traces of the others in its chunk."""
    contexts = [context for parent in dict.fromkeys(trace_parents) if parent and (context := _parse(parent))]
    parent = trace.set_span_in_context(NonRecordingSpan(contexts[0])) if contexts else None
    links = [Link(context) for context in contexts[1 : 1 + _MOST_LINKS]]
    attributes: dict[str, str | int] = {"yundian.subscriber": name, "yundian.events": len(trace_parents)}
    with _tracer.start_as_current_span(
        f"courier {name}", context=parent, links=links, attributes=attributes, record_exception=False
    ):
        yield


def _parse(trace_parent: str) -> SpanContext | None:
    try:
        _, trace_id, span_id, flags = trace_parent.split("-")
        return SpanContext(
            int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
        )
    except ValueError:
        return None
