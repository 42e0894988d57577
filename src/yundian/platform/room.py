"""A room: all that a business package gives to the web app, the worker and the command line, declared once.

Nothing registers itself at import; ``yundian.app.rooms`` lists the rooms for the composition root.
"""

from dataclasses import dataclass

import typer
from litestar import Controller, Router
from litestar.types import ControllerRouterHandler

from yundian.platform.jobs.declare import Cron
from yundian.platform.outbox.declare import Event, Subscriber, TimerHandler
from yundian.platform.web.declare import NavigationItem, Panel


@dataclass(frozen=True, kw_only=True)
class Room:
    """``package`` is the import path; its ``templates/`` folder, if any, is added to the page templates."""

    name: str
    package: str
    controllers: tuple[type[Controller], ...] = ()
    pages: tuple[type[Controller], ...] = ()
    events: tuple[type[Event], ...] = ()
    subscribers: tuple[Subscriber, ...] = ()
    timers: tuple[TimerHandler, ...] = ()
    crons: tuple[Cron, ...] = ()
    commands: tuple[typer.Typer, ...] = ()
    navigation: tuple[NavigationItem, ...] = ()
    panels: tuple[Panel, ...] = ()

    def route_handlers(self) -> list[ControllerRouterHandler]:
        """The JSON API under ``/v1``, tagged with the room's name, and the pages as they stand."""
        handlers: list[ControllerRouterHandler] = list(self.pages)
        if self.controllers:
            handlers.append(Router("/v1", route_handlers=list(self.controllers), tags=[self.name]))
        return handlers
