"""Recording events: rows in the caller's transaction, so an event exists exactly when its cause does."""

import uuid
from collections.abc import Sequence

import msgspec
from opentelemetry import trace
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.ids import new_id
from yundian.platform.core.steps import step
from yundian.platform.db.database import Tx
from yundian.platform.outbox.declare import Event

Door = AsyncSession | Tx
Arguments = tuple[list[uuid.UUID], list[str], list[str], str | None]


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
    ids, tags, payloads, parent = (f"${first + offset}" for offset in range(4))
    return (  # parameters only, no values
        "INSERT INTO outbox_event (brand_id, id, tag, payload, trace_parent)"
        f" SELECT {brand}::uuid, e.id, e.tag, e.payload::jsonb, {parent}::varchar"
        f" FROM unnest({ids}::uuid[], {tags}::varchar[], {payloads}::text[]) AS e (id, tag, payload)"  # noqa: S608
    )


def arguments(events: Sequence[Event]) -> Arguments:
    """The four arguments of ``fragment``."""
    return (
        [new_id() for _ in events],
        [event.tag_of() for event in events],
        [msgspec.json.encode(event).decode() for event in events],
        current_trace_parent(),
    )


def mark_dirty(door: Door) -> None:
    """Have the relay poked after the commit."""
    if isinstance(door, Tx):
        door.is_outbox_dirty = True
    else:
        door.info["is_outbox_dirty"] = True


def brand_of(door: Door) -> uuid.UUID:
    """The brand the door was opened for."""
    brand: uuid.UUID | None = door.brand if isinstance(door, Tx) else door.info.get("brand")
    if brand is None:
        raise RuntimeError("no brand: events and timers belong to one")
    return brand


async def run(door: Door, sql: str, *args: object) -> int:
    """One statement with ``$n`` parameters through either door; the number of rows it touched."""
    if isinstance(door, Tx):
        return int((await door.execute(sql, *args)).rsplit(" ", 1)[-1])
    connection = await door.connection()
    return (await connection.exec_driver_sql(sql, args)).rowcount


def current_trace_parent() -> str | None:
    """The W3C ``traceparent`` of the active span, if a tracer is at work."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
