"""A shop's people and customers on a street where processes die: each presses again until there is an answer."""

import contextlib
import datetime as dt
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.street import Street
from tests.faults.visits import Parlour, Visitor, open_parlour
from tests.helpers import submit, wait_until
from tests.people import Person, give_session, make_person
from yundian.platform.core import clock
from yundian.platform.core.principal import Role

_DUE = (
    "UPDATE outbox_timer SET due_at = now(), next_at = now() WHERE brand_id = $1 AND state = 'set' AND name = $2"
)
_WAITS = "SELECT state FROM appointments_wait WHERE brand_id = $1 ORDER BY id"


@dataclass(kw_only=True)
class Day:
    """A shop, its people and two customers. ``code`` leads to the first one's appointment."""

    parlour: Parlour
    clerk: Person
    chief: Person
    visitors: list[Visitor] = field(default_factory=list)
    # Of whoever is reminded.
    phone: str = ""

    @property
    def first(self) -> Visitor:
        return self.visitors[0]

    async def booking(self) -> dict[str, Any]:
        """The appointment that somebody has, as it stands."""
        rows = await self.parlour.rows(
            "SELECT id, sequence, code, state FROM appointments_booking WHERE brand_id = $1"
            " AND state NOT IN ('rescheduled', 'expired', 'cancelled') ORDER BY id LIMIT 1"
        )
        return rows[0]

    async def step(self, what: str, *, may_be_done: bool = True) -> None:
        """The shop takes a step and presses again until it has an answer: then it may be done already."""
        one = await self.booking()
        path = f"/v1/shop-appointments/{one['id']}/steps"
        told = await self.parlour.answered(path, json={"step": what}, headers=self.clerk.headers)
        is_done = may_be_done and told.status_code == httpx.codes.CONFLICT
        assert is_done or told.status_code == httpx.codes.OK, told.text

    async def post(self, path: str, form: Mapping[str, object], who: Mapping[str, str]) -> httpx.Response:
        """A page's form, sent until there is an answer."""

        async def answer() -> httpx.Response | None:
            with contextlib.suppress(httpx.TransportError, AssertionError):
                async with httpx.AsyncClient(base_url=self.parlour.phones.base_url, timeout=60) as browser:
                    told = await submit(browser, path, dict(form), **who)
                return None if told.status_code == httpx.codes.SERVICE_UNAVAILABLE else told
            return None

        told = await wait_until(answer, seconds=90, every_s=0.1, what=f"an answer to {path}")
        assert told is not None
        assert told.status_code < httpx.codes.BAD_REQUEST, told.text[:3000]
        return told

    async def due(self, name: str) -> None:
        await self.parlour.rows(_DUE, name)

    async def become(self, *wanted: str) -> None:
        """Until the bookings are so, and nobody has anything left to do."""

        async def are() -> bool:
            states = await self.parlour.states()
            return [state for state, _ in states] == list(wanted) and "refunding" not in dict(states).values()

        await self.parlour.ends(are, f"{wanted}")

    async def waits(self) -> list[str]:
        return [str(row["state"]) for row in await self.parlour.rows(_WAITS)]

    async def shift(self, to: dt.timedelta) -> None:
        """As if it had been booked for so long from now."""
        one = await self.booking()
        seen = await self.parlour.salon.see(one["id"])
        await self.parlour.salon.shift(seen.id, clock.now() + to - seen.starts_at)


Do = Callable[[Day], Coroutine[Any, Any, None]]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """``told``: what customers are told in the end, reminders included."""

    begin: Do
    perform: Do
    finish: Do
    told: Mapping[str, int]
    people: int = 1
    terms: Mapping[str, object] = field(default_factory=dict)


@contextlib.asynccontextmanager
async def open_day(street: Street, scene: Scene) -> AsyncGenerator[Day]:
    """A shop of its own on the street, with somebody at its desk."""
    async with open_parlour(street, people=scene.people, chairs=scene.people, **scene.terms) as parlour:
        services, brand = parlour.salon.services, parlour.salon.brand
        clerk = await make_person(services, brand.id, Role.SHOP_OWNER, shop_id=parlour.salon.shop_id)
        chief = await make_person(services, brand.id, Role.HQ_ADMIN)
        yield Day(
            parlour=parlour,
            clerk=await give_session(services, clerk),
            chief=await give_session(services, chief),
            visitors=[] if scene.people > 1 else [await parlour.visitor()],
        )
