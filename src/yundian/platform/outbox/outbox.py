"""Recording events: rows in the caller's transaction, so an event exists exactly when its cause does."""

import uuid
from collections.abc import Sequence

import msgspec
from opentelemetry import trace

from yundian.platform.core.ids import new_id
from yundian.platform.core.steps import step
from yundian.platform.outbox.declare import Event
from yundian.platform.outbox.door import Door, brand_of, mark_dirty, run

Arguments = tuple[list[uuid.UUID], list[str], list[str], list[str | None]]


async def record(door: Door, *events: Event) -> None:
    """Write the events in the door's transaction, one statement for all; the relay is poked after its commit.

    Raises:
        RuntimeError: the door was opened without a brand.
    """
    if not events:
        return
    await run(door, fragment(brand="$1", first=2), brand_of(door), *arguments(events))
    mark_dirty(door)
    step("outbox.recorded")


def fragment(*, brand: str, first: int) -> str:
    """The INSERT as a part of a larger statement (a CTE), for hot paths that do everything in one round trip.

    ``brand`` is the SQL of the brand (``$1``); four parameters are taken from ``$first`` on, filled by
    ``arguments``. The text ends in a FROM list: append ``WHERE EXISTS (SELECT FROM placed)`` or a join to make
    it depend on another part. The caller calls ``mark_dirty`` when it ran.
    """
    ids, tags, payloads, parents = (f"${first + offset}" for offset in range(4))
    return (
        # Numbers of parameters are put in, never values.
        "INSERT INTO outbox_event (brand_id, id, tag, payload, trace_parent)"  # noqa: S608
        f" SELECT {brand}::uuid, e.id, e.tag, e.payload::jsonb, e.parent"
        # Side by side in a list they are walked through; in FROM each would first be copied.
        f" FROM (SELECT unnest({ids}::uuid[]) AS id, unnest({tags}::varchar[]) AS tag,"
        f" unnest({payloads}::text[]) AS payload, unnest({parents}::varchar[]) AS parent) AS e"
    )


def arguments(events: Sequence[Event], *, parents: Sequence[str | None] | None = None) -> Arguments:
    """The four arguments of ``fragment``. ``parents``: the trace of each event, where one transaction records what
    several requests told; else all are of the trace at work."""
    return (
        [new_id() for _ in events],
        [event.tag_of() for event in events],
        [msgspec.json.encode(event).decode() for event in events],
        [current_trace_parent()] * len(events) if parents is None else list(parents),
    )


def current_trace_parent() -> str | None:
    """The W3C ``traceparent`` of the active span, if a tracer is at work."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
