"""``yundian worker``: everything the rooms declared for the background, in one process."""

import os
from collections.abc import Sequence
from itertools import chain

import uvloop

from yundian.app import logs, monitor, telemetry
from yundian.app.house import HOUSE
from yundian.app.rooms import rooms as all_rooms
from yundian.platform.core import garbage
from yundian.platform.core.settings import Settings
from yundian.platform.jobs.worker import work
from yundian.platform.outbox.registry import Registry
from yundian.platform.room import Room

_NICE = 10


def run(settings: Settings, *, rooms: Sequence[Room] | None = None) -> None:
    """Work until SIGTERM or SIGINT. ``rooms`` defaults to every room of the house."""
    logs.configure(settings)
    # Where they share a machine, whoever waits for an answer goes first; effects catch up in between.
    os.nice(_NICE)
    found = (HOUSE, *all_rooms()) if rooms is None else rooms
    crons = [*chain.from_iterable(room.crons for room in found)]
    garbage.settle()
    with telemetry.tracing(settings), monitor.watched(settings):
        uvloop.run(work(settings, registry=registry_of(found), crons=crons))


def registry_of(rooms: Sequence[Room]) -> Registry:
    """What the rooms declare together."""
    return Registry.of(
        events=chain.from_iterable(room.events for room in rooms),
        subscribers=chain.from_iterable(room.subscribers for room in rooms),
        timers=chain.from_iterable(room.timers for room in rooms),
    )
