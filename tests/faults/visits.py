"""Customers of a salon on a street where processes die: each presses again until she has an answer."""

import contextlib
import datetime as dt
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx

from tests import factories
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.faults import visit_ledger
from tests.faults.street import NO_DATABASE, Street
from tests.faults.visit_cells import VisitAct, VisitCell
from tests.helpers import wait_until
from tests.members.makers import Customer, make_customer
from tests.payments.kit import open_till
from yundian.payments.repository import trades
from yundian.payments.types import PaymentView, Provider
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id

DEPOSIT = 5_000
# What somebody may be told while something is down.
LATER = {"503 core.unavailable"}
# As if it were later: holds are over, and so is the time to pay.
_LAPSE = (
    "UPDATE payments_payment SET expires_at = now() WHERE brand_id = $1 AND state = 'pending'",
    "UPDATE outbox_timer SET due_at = now(), next_at = now() WHERE brand_id = $1 AND state = 'set'"
    " AND name = 'appointments.hold'",
)
_UNSETTLED = """
SELECT (SELECT count(*) FROM payments_refund WHERE brand_id = $1 AND state NOT IN ('succeeded', 'closed'))
    + (SELECT count(*) FROM payments_orphan WHERE brand_id = $1 AND reserved_minor < amount_minor)
    + (SELECT count(*) FROM payments_payment WHERE brand_id = $1 AND state = 'closing')
    + (SELECT count(*) FROM outbox_timer WHERE brand_id = $1 AND state = 'set' AND due_at <= now())
    + (SELECT count(*) FROM outbox_event WHERE brand_id = $1 AND expanded_at IS NULL)
    + (SELECT count(*) FROM outbox_delivery WHERE brand_id = $1 AND state <> 'done')
    + (SELECT count(*) FROM payments_notice WHERE brand_id = $1 AND handled_at IS NULL AND signature_ok)
"""


@dataclass(kw_only=True)
class Visitor:
    """A customer with a phone of her own. ``refusal``: she was told definitely that she cannot have it."""

    customer: Customer
    provider: Provider
    key: str = field(default_factory=lambda: str(new_id()))
    code: str = ""
    payment: PaymentView | None = None
    refusal: str = ""

    @property
    def pays(self) -> PaymentView:
        assert self.payment is not None
        return self.payment


@dataclass(kw_only=True)
class Parlour:
    """A salon with deposits on the street."""

    street: Street
    salon: Salon
    # Theirs, which keep no cookies.
    phones: httpx.AsyncClient

    async def visitor(self, provider: Provider = Provider.WECHAT) -> Visitor:
        return Visitor(
            customer=await make_customer(self.street.till.services, self.salon.brand), provider=provider
        )

    def at(self, hour: int, days: int = 2) -> dt.datetime:
        day = clock.business_day(clock.now(), self.salon.zone) + dt.timedelta(days=days)
        return dt.datetime.combine(day, dt.time(hour), dt.timezone(dt.timedelta(hours=8))).astimezone(dt.UTC)

    # What a customer does

    async def book(self, visitor: Visitor, start: dt.datetime) -> None:
        """The same wish under the same key until it is answered."""
        wish = {
            "shop_id": str(self.salon.shop_id),
            "service_id": str(self.salon.service.id),
            "start": start.isoformat(),
        }
        told = await self._answered(
            "/v1/appointments", visitor, json=wish, headers={"Idempotency-Key": visitor.key}
        )
        if told.status_code >= httpx.codes.BAD_REQUEST:
            visitor.refusal = told.json()["code"]
            return
        visitor.code = told.json()["code"]
        assert told.json()["pay_path"], told.text
        visitor.payment = await wait_until(lambda: self.payment_of(visitor.code), seconds=60, what="her payment")

    async def move(self, visitor: Visitor, start: dt.datetime) -> None:
        told = await self._answered(
            f"/v1/appointments/{visitor.code}/move", visitor, json={"start": start.isoformat()}
        )
        assert told.status_code == httpx.codes.OK, told.text
        visitor.code = told.json()["code"]

    async def cancel(self, visitor: Visitor) -> None:
        told = await self._answered(f"/v1/appointments/{visitor.code}/cancel", visitor)
        assert told.status_code == httpx.codes.OK, told.text

    async def start(self, visitor: Visitor) -> None:
        await self.street.start(visitor.pays, visitor.provider)

    async def pay(self, visitor: Visitor) -> None:
        await self.street.pay(visitor.pays, visitor.provider)

    async def _answered(
        self, path: str, visitor: Visitor, *, json: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self.answered(path, json=json, headers={**visitor.customer.headers, **(headers or {})})

    async def answered(self, path: str, *, json: object = None, headers: dict[str, str]) -> httpx.Response:
        """Whoever it is asks until she has an answer."""

        async def answer() -> httpx.Response | None:
            try:
                told = await self.phones.post(path, json=json, headers=headers)
            except httpx.TransportError:
                return None
            is_later = told.status_code >= httpx.codes.BAD_REQUEST and _named(told) in LATER
            return None if is_later else told

        told = await wait_until(answer, seconds=90, every_s=0.1, what=f"an answer to {path}")
        assert told is not None
        assert told.status_code < httpx.codes.INTERNAL_SERVER_ERROR, self._complaint(told)
        return told

    def _complaint(self, told: httpx.Response) -> str:
        return f"{told.text}\n{self.street.web.log.read_text(errors='replace')[-6000:]}"

    async def payment_of(self, code: str) -> PaymentView | None:
        with contextlib.suppress(*NO_DATABASE):
            [row] = await self.rows(
                "SELECT payment_id FROM appointments_booking WHERE brand_id = $1 AND code = $2", code
            )
            async with self.street.till.services.database.connection(self.salon.brand.id) as tx:
                return await trades.payment(tx, payment_id=uuid.UUID(str(row["payment_id"])))
        return None

    # What the time does

    async def lapse(self) -> None:
        """The holds of everybody who did not pay are over."""
        for sql in _LAPSE:
            await self.rows(sql)

    async def ends(self, is_over: Callable[[], Awaitable[bool]], what: str) -> None:
        """Hurry everybody until it is over and nothing is left to do."""

        async def is_done() -> bool:
            await self.street.hurry()
            is_ended = await is_over()
            [left] = await self.rows(f"SELECT ({_UNSETTLED}) AS n")
            return is_ended and left["n"] == 0

        try:
            await wait_until(is_done, seconds=60, every_s=0.15, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}: {await self.kept()}\n{self.street.house.last_words()}") from error

    async def states(self) -> list[tuple[str, str]]:
        return [(str(row["state"]), str(row["deposit_state"])) for row in await self.kept()]

    async def kept(self) -> list[dict[str, Any]]:
        """Every booking, what is kept of its deposit, and how much time it takes."""
        return await self.rows(visit_ledger.KEPT)

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        return await self.salon.rows(sql, *args)

    # What must be true

    async def assert_true(self) -> None:
        """No overlap, nothing twice; who has a time has paid for it, who has none has her money."""
        await visit_ledger.assert_whole(self.rows, self.street.till)
        held = sum(one["kept"] for one in await self.kept())
        assert await visit_ledger.left_there(self.street.till) == held


def _named(told: httpx.Response) -> str:
    return f"{told.status_code} {told.json()['code']}"


@contextlib.asynccontextmanager
async def open_parlour(
    street: Street, *, people: int = 1, chairs: int = 1, **terms: object
) -> AsyncGenerator[Parlour]:
    """A brand of its own on the street; its till is the street's from now on. ``terms`` are the service's."""
    services = street.till.services
    brand = await factories.make_brand(services.settings)
    street.till = await open_till(
        services, street.till.sandbox, street.till.providers, brand.id, new_id().hex[-8:]
    )
    salon = await make_salon(
        services,
        brand,
        people=people,
        chairs=chairs,
        fields=service_fields(**({"deposit_minor": DEPOSIT, "hold_min": 10} | terms)),
    )
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=street.web.client.base_url, timeout=60, limits=limits) as phones:
        yield Parlour(street=street, salon=salon, phones=phones)


async def run_visit(street: Street, cell: VisitCell) -> None:
    """One visit with one death in it, to its end."""
    street.clear()
    async with open_parlour(street) as parlour:
        visitor = await parlour.visitor()
        await _begin(parlour, visitor, cell.act)
        street.set_trap(cell)
        async with anyio.create_task_group() as group:
            group.start_soon(_perform, parlour, visitor, cell.act)
            await street.strike(cell)
            await street.mend(cell.victim)
        await _finish(parlour, visitor, cell.act)
        await parlour.assert_true()


async def _begin(parlour: Parlour, visitor: Visitor, act: VisitAct) -> None:
    """Everything before the act, settled."""
    if act is VisitAct.BOOK:
        return
    await parlour.book(visitor, parlour.at(10))
    if act is not VisitAct.LAPSE:
        await parlour.start(visitor)
    if act in (VisitAct.MOVE, VisitAct.CANCEL):
        await parlour.pay(visitor)
        await parlour.ends(lambda: _are(parlour, ["confirmed"]), "the deposit before")
    else:
        await parlour.ends(lambda: _are(parlour, ["held"]), "the hold before")


async def _perform(parlour: Parlour, visitor: Visitor, act: VisitAct) -> None:
    if act is VisitAct.BOOK:
        await parlour.book(visitor, parlour.at(10))
    elif act is VisitAct.PAY:
        await parlour.pay(visitor)
    elif act is VisitAct.MOVE:
        await parlour.move(visitor, parlour.at(15))
    elif act is VisitAct.CANCEL:
        await parlour.cancel(visitor)
    else:
        await parlour.lapse()


async def _finish(parlour: Parlour, visitor: Visitor, act: VisitAct) -> None:
    """What she does when it works again, and how it must have ended."""
    if act is VisitAct.BOOK:
        await parlour.start(visitor)
        await parlour.pay(visitor)
    if act is VisitAct.LATE:
        # Her phone still shows the code: who takes her money, and whether the time is hers, is one question.
        with contextlib.suppress(AssertionError):
            await parlour.pay(visitor)
        await parlour.ends(lambda: _are(parlour, ["confirmed"], ["expired"]), "one or the other")
        return
    wanted = {
        VisitAct.MOVE: ["rescheduled", "confirmed"],
        VisitAct.CANCEL: ["cancelled"],
        VisitAct.LAPSE: ["expired"],
    }.get(act, ["confirmed"])
    await parlour.ends(lambda: _are(parlour, wanted), str(wanted))
    told = await parlour.rows(
        "SELECT template, count(*) AS n FROM messaging_message WHERE brand_id = $1 GROUP BY 1 HAVING count(*) > 1"
    )
    assert [
        row for row in told if row["template"] not in ("appointment.reminder_24h", "appointment.reminder_2h")
    ] == []


async def _are(parlour: Parlour, *wanted: Sequence[str]) -> bool:
    """Whether the bookings are so, and a deposit that is on its way back has arrived."""
    states = await parlour.states()
    return [state for state, _ in states] in wanted and "refunding" not in [deposit for _, deposit in states]
