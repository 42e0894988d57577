"""What rooms declare: events, who reacts to them, and what happens when a timer falls due.

The decorators attach data and register nothing; a room lists its declarations in ``room.py``.
"""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.db.database import Tx


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in the past tense. Carries ids and scalars; the struct tag is versioned and permanent.

    Subclass with ``frozen=True, kw_only=True, tag="room.thing_happened.v1"``. A changed shape is a new tag.
    """

    @classmethod
    def tag_of(cls) -> str:
        return str(cls.__struct_config__.tag)


E = TypeVar("E", bound=Event)

OneHandler = Callable[[AsyncSession, E], Awaitable[None]]


class Delivered(msgspec.Struct, Generic[E], frozen=True):
    """An event on its way to a set-based subscriber."""

    event_id: uuid.UUID
    event: E


BatchHandler = Callable[[Tx, Sequence[Delivered[E]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One reaction to one kind of event; its name is permanent, since deliveries carry it."""

    name: str
    event: type[Event]
    handle: Callable[..., Awaitable[None]]
    is_batch: bool


def subscriber(event: type[E], *, name: str) -> Callable[[OneHandler[E]], Subscriber]:
    """``async def on(session, event)``: its effect and the delivery's ``done`` are one transaction."""
    return lambda handle: Subscriber(name=name, event=event, handle=handle, is_batch=False)


def batch_subscriber(event: type[E], *, name: str) -> Callable[[BatchHandler[E]], Subscriber]:
    """``async def on(tx, delivered)``: a chunk of one brand's events applied in few statements."""
    return lambda handle: Subscriber(name=name, event=event, handle=handle, is_batch=True)


@dataclass(frozen=True, slots=True)
class TimerHandler:
    """What to do when a timer of this name falls due. Re-check the state: the world may have moved on."""

    name: str
    handle: Callable[[AsyncSession, "DueTimer"], Awaitable[None]]


class DueTimer(msgspec.Struct, frozen=True):
    """A timer whose time has come. ``key`` is the business key it was set with."""

    brand_id: uuid.UUID
    name: str
    key: str
    payload: dict[str, Any]


def on_timer(name: str) -> Callable[[Callable[[AsyncSession, DueTimer], Awaitable[None]]], TimerHandler]:
    return lambda handle: TimerHandler(name=name, handle=handle)
