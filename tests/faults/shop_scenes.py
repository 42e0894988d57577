"""A shop's day with a death in it: what was before, what is done, and how it ends."""

import datetime as dt
import secrets
from collections import Counter

import anyio

from appointments.rules.life import NO_SHOW_TIMER
from appointments.service import moves, setup, waiting
from appointments.states import DayKind, Source, WaitMode
from appointments.types import StaffDayFields
from tests.faults import visit_ledger
from tests.faults.shop_cells import Act, ShopCell
from tests.faults.shop_day import Day, Do, Scene, open_day
from tests.faults.street import Street
from tests.helpers import wait_until
from yundian.members.service import joining
from yundian.members.types import IdentityKind, JoinedVia, Known
from yundian.messaging.service import deciding
from yundian.messaging.types import PolicyFields
from yundian.platform.core import clock

HOLD_TIMER = "appointments.hold"
_STANDS = {"confirmed": 1, "reminder_24h": 1, "reminder_2h": 1}
_APPROVED = {"needs_approval": True}
_CHARGED = {"is_late_cancel_charged": True, "is_no_show_charged": True, "cutoff_min": 10_000}
_IN_TURN = {"wait_mode": WaitMode.SEQUENTIAL}


# What is before


async def _held(day: Day) -> None:
    await day.parlour.book(day.first, day.parlour.at(10))
    await day.parlour.start(day.first)
    await day.become("held")


async def _paid(day: Day, becomes: str = "confirmed") -> None:
    await _held(day)
    await day.parlour.pay(day.first)
    await day.become(becomes)


async def _requested(day: Day) -> None:
    await _paid(day, "requested")


async def _moved(day: Day) -> None:
    await _paid(day)
    await _move(day)
    await day.become("rescheduled", "confirmed")


async def _missed(day: Day) -> None:
    await _overdue(day)
    await day.due(NO_SHOW_TIMER)
    await day.become("no_show_penalized")


async def _overdue(day: Day) -> None:
    await _paid(day)
    await day.shift(dt.timedelta(hours=-1))


async def _today(day: Day) -> None:
    await _paid(day)
    await day.shift(dt.timedelta(minutes=5))


async def _two_wait(day: Day) -> None:
    await _paid(day)
    salon = day.parlour.salon
    for one in (await day.parlour.visitor(), await day.parlour.visitor()):
        day.visitors.append(one)
        async with salon.services.database.connection(salon.brand.id) as tx:
            await waiting.join(
                tx,
                member_id=one.customer.id,
                shop_id=salon.shop_id,
                service_id=salon.service.id,
                staff_id=None,
                day=clock.business_day(day.parlour.at(10), salon.zone),
                now=clock.now(),
            )


async def _offered(day: Day) -> None:
    await _two_wait(day)
    await day.parlour.cancel(day.first)
    await day.become("cancelled", "held")


async def _hers_and_others(day: Day) -> None:
    """Three of one person, who is away then; at the last one's time everybody else is busy."""
    salon = day.parlour.salon
    for number, staff in ((10, 0), (12, 0), (14, 0), (14, 1)):
        day.visitors.append(await day.parlour.visitor())
        await salon.book(
            day.parlour.at(number),
            staff_id=salon.staff[staff],
            member_id=day.visitors[-1].customer.id,
            source=Source.SHOP,
        )
    await day.become(*["confirmed"] * 4)
    on = clock.business_day(day.parlour.at(10), salon.zone)
    async with salon.services.database.unit_of_work(salon.brand.id) as session:
        await setup.put_days(
            session, staff_id=salon.staff[0], fields=StaffDayFields(first=on, last=on, kind=DayKind.OFF)
        )


async def _awake_and_told(day: Day) -> None:
    """Somebody with a phone, at whatever hour: her booking was told."""
    salon, phone = day.parlour.salon, f"199{secrets.randbelow(10**8):08}"
    async with salon.services.database.connection(salon.brand.id) as tx:
        member_id = await joining.find_or_join(
            tx,
            keyring=salon.services.keyring,
            proven=[Known(IdentityKind.PHONE, phone)],
            via=JoinedVia.PHONE,
        )
    async with salon.services.database.unit_of_work(salon.brand.id) as session:
        stands = await deciding.get_policy(session, brand_id=salon.brand.id)
        known = {name: getattr(stands, name) for name in PolicyFields.__struct_fields__}
        fields = PolicyFields(**(known | {"quiet_from": dt.time(0), "quiet_until": dt.time(0)}))
        await deciding.save_policy(session, brand_id=salon.brand.id, fields=fields, version=stands.version)
    await salon.book(day.parlour.at(10), member_id=member_id, source=Source.SHOP)
    await wait_until(lambda: _is_sent(day, "confirmed"), seconds=30, every_s=0.1, what="the word of her booking")
    day.phone = phone


async def _is_sent(day: Day, template: str) -> bool:
    rows = await day.parlour.rows(
        "SELECT state FROM messaging_message WHERE brand_id = $1 AND template = $2", f"appointment.{template}"
    )
    return [row["state"] for row in rows] in (["sent"], ["delivered"])


# What is done


async def _pay(day: Day) -> None:
    await day.parlour.pay(day.first)


async def _move(day: Day) -> None:
    rows = await day.parlour.rows("SELECT id FROM appointments_booking WHERE brand_id = $1 ORDER BY id LIMIT 1")
    start = {"start": day.parlour.at(15).isoformat()}
    await day.post(f"/shop/appointments/{rows[0]['id']}/time", start, day.clerk.headers)


async def _undo(day: Day) -> None:
    rows = await day.parlour.rows(
        "SELECT id, sequence FROM appointments_booking WHERE brand_id = $1 ORDER BY id DESC LIMIT 1"
    )
    path = f"/shop/appointments/{rows[0]['id']}/undo"
    await day.post(path, {"version": rows[0]["sequence"]}, day.clerk.headers)


async def _give_away(day: Day) -> None:
    last = "SELECT id FROM appointments_booking WHERE brand_id = $1 ORDER BY id DESC LIMIT 1"
    rows = await day.parlour.rows(last)
    await day.post(f"/shop/appointments/{rows[0]['id']}/stand", {"by": "staff"}, day.clerk.headers)


async def _cancel(day: Day) -> None:
    await day.parlour.cancel(day.first)


async def _come(day: Day) -> None:
    await day.step("arrive")
    await day.step("complete")


async def _accept(day: Day) -> None:
    """On two phones at once."""
    one = await day.booking()
    path = f"/m/{day.parlour.salon.brand.code}/appointments/{one['code']}/accept"
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(day.post, path, {}, day.visitors[1].customer.headers)


async def _replace(day: Day) -> None:
    await day.post(f"/hq/appointments/staff/{day.parlour.salon.staff[0]}/replace", {}, day.chief.headers)


async def _remind(day: Day) -> None:
    await day.parlour.rows(
        "UPDATE messaging_message SET send_after = now(), next_at = now() WHERE brand_id = $1"
        " AND template = 'appointment.reminder_24h'"
    )


def _step(what: str) -> Do:
    async def do(day: Day) -> None:
        await day.step(what)

    return do


def _rings(name: str) -> Do:
    async def do(day: Day) -> None:
        await day.due(name)

    return do


# How it ends


def _ends(*states: str) -> Do:
    async def finish(day: Day) -> None:
        await day.become(*states)

    return finish


async def _moved_and_told(day: Day) -> None:
    """The minute passes."""
    await day.become("rescheduled", "confirmed")
    await day.due(moves.TIMER)
    await day.become("rescheduled", "confirmed")


async def _first_offered(day: Day) -> None:
    await day.become("cancelled", "held")
    assert await day.waits() == ["offered", "waiting"]
    await _accept(day)
    await _hers(day)


async def _hers(day: Day) -> None:
    """She pays for what she was offered."""
    her, one = day.visitors[1], await day.booking()
    rows = await day.parlour.rows("SELECT id FROM payments_payment WHERE brand_id = $1 AND state = 'pending'")
    assert len(rows) == 1, "both phones lead to the same payment"
    her.payment = await day.parlour.payment_of(one["code"])
    await day.parlour.start(her)
    await day.parlour.pay(her)
    await day.become("cancelled", "confirmed")
    assert await day.waits() == ["accepted", "waiting"]


async def _next_offered(day: Day) -> None:
    await day.become("cancelled", "expired", "held")
    assert await day.waits() == ["lapsed", "offered"]


async def _taken_over(day: Day) -> None:
    """Two by somebody else; whom nobody can serve is asked, once each."""
    await day.become(*["confirmed"] * 4)
    anna, berta = day.parlour.salon.staff
    rows = await day.parlour.rows(
        "SELECT staff_id, attention FROM appointments_booking WHERE brand_id = $1 ORDER BY id"
    )
    assert [(row["staff_id"], row["attention"]) for row in rows] == [
        (berta, "reassigned"), (berta, "reassigned"), (anna, "choose"), (berta, ""),
    ]  # fmt: skip


async def _reminded(day: Day) -> None:
    """Once, whoever died over it: its lease need not be waited for."""

    async def is_sent() -> bool:
        await day.parlour.rows(
            "UPDATE messaging_message SET next_at = now() WHERE brand_id = $1 AND next_at > now()"
            " AND template = 'appointment.reminder_24h'"
        )
        return await _is_sent(day, "reminder_24h")

    await wait_until(is_sent, seconds=60, every_s=0.5, what="her reminder")
    sandbox = day.parlour.street.till.sandbox
    found = await anyio.to_thread.run_sync(lambda: sandbox.get("messages", channel="sms", recipient=day.phone))
    assert len(found) == len({one["body"] for one in found}) == 2, found
    await day.become("confirmed")


SCENES: dict[Act, Scene] = {
    Act.ASK: Scene(begin=_held, perform=_pay, finish=_ends("requested"), told={}, terms=_APPROVED),
    Act.APPROVE: Scene(
        begin=_requested, perform=_step("approve"), finish=_ends("confirmed"), told=_STANDS, terms=_APPROVED
    ),
    Act.REFUSE: Scene(
        begin=_requested, perform=_step("decline"), finish=_ends("declined"), told={"declined": 1}, terms=_APPROVED
    ),
    Act.SHIFT: Scene(begin=_paid, perform=_move, finish=_moved_and_told, told=_STANDS | {"changed": 1}),
    Act.UNDO: Scene(begin=_moved, perform=_undo, finish=_ends("confirmed", "rescheduled"), told=_STANDS),
    Act.STAND: Scene(
        begin=_moved,
        perform=_rings(moves.TIMER),
        finish=_ends("rescheduled", "confirmed"),
        told=_STANDS | {"changed": 1},
    ),
    Act.GIVE: Scene(
        begin=_moved,
        perform=_give_away,
        finish=_ends("rescheduled", "confirmed"),
        told=_STANDS | {"changed": 1},
    ),
    Act.GIVE_UP: Scene(
        begin=_paid, perform=_cancel, finish=_ends("cancelled_late"), told={"confirmed": 1}, terms=_CHARGED
    ),
    Act.MISS: Scene(
        begin=_overdue,
        perform=_rings(NO_SHOW_TIMER),
        finish=_ends("no_show_penalized"),
        told={"confirmed": 1},
        terms=_CHARGED,
    ),
    Act.FORGIVE: Scene(
        begin=_missed, perform=_step("waive"), finish=_ends("waived"), told={"confirmed": 1}, terms=_CHARGED
    ),
    Act.SERVE: Scene(begin=_today, perform=_come, finish=_ends("completed"), told=_STANDS | {"follow_up": 1}),
    Act.OFFER: Scene(
        begin=_two_wait,
        perform=_cancel,
        finish=_first_offered,
        told=_STANDS | {"confirmed": 2, "waitlist_offer": 1},
        terms=_IN_TURN,
    ),
    Act.ACCEPT: Scene(
        begin=_offered,
        perform=_accept,
        finish=_hers,
        told=_STANDS | {"confirmed": 2, "waitlist_offer": 1},
        terms=_IN_TURN,
    ),
    Act.NEXT: Scene(
        begin=_offered,
        perform=_rings(HOLD_TIMER),
        finish=_next_offered,
        told={"confirmed": 1, "waitlist_offer": 2},
        terms=_IN_TURN,
    ),
    Act.AWAY: Scene(
        begin=_hers_and_others,
        perform=_replace,
        finish=_taken_over,
        told=dict.fromkeys(_STANDS, 4) | {"reassigned": 2, "choose": 1},
        people=2,
        terms={"deposit_minor": 0},
    ),
    Act.REMIND: Scene(
        begin=_awake_and_told,
        perform=_remind,
        finish=_reminded,
        told=_STANDS,
        terms={"deposit_minor": 0},
    ),
}


async def run_scene(street: Street, cell: ShopCell) -> None:
    """One act with one death in it, to its end."""
    street.clear()
    scene = SCENES[cell.act]
    async with open_day(street, scene) as day:
        await scene.begin(day)
        street.set_trap(cell)
        async with anyio.create_task_group() as group:
            group.start_soon(scene.perform, day)
            await street.strike(cell)
            await street.mend(cell.victim)
        await scene.finish(day)
        await day.parlour.assert_true()
        told = await visit_ledger.told(day.parlour.rows)
        assert told == Counter(scene.told), f"{told}, not {scene.told}"
