"""What customers are told of their appointments, in which words, and until when it is of use."""

import datetime as dt
import uuid

import pytest

from appointments import handlers
from appointments.events import BookingDeclined
from appointments.repository import bookings
from appointments.rules.life import REQUEST_TIMER
from appointments.schemas import forms
from appointments.service import facts, life, moving, telling
from appointments.states import ReasonCode
from appointments.types import Actor
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_reminder_races import Asked
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.messaging.rules import rendering
from yundian.messaging.service.queueing import PURPOSE
from yundian.messaging.types import Value
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import DueTimer

pytestmark = pytest.mark.anyio


async def _told(salon: Salon, booking_id: uuid.UUID) -> dict[str, dict[str, Value]]:
    """The values of each message about a booking that is not taken back, by template."""
    rows = await salon.rows(
        "SELECT template, values_sealed FROM messaging_message WHERE brand_id = $1 AND fact_key LIKE $2"
        " AND state <> 'skipped' ORDER BY id",
        f"appointment:{booking_id}%",
    )
    opened = salon.services.keyring.decrypt
    return {str(row["template"]): rendering.unpacked(opened(PURPOSE, row["values_sealed"])) for row in rows}  # type: ignore[arg-type]


async def test_a_reminder_that_is_late_gives_way_to_the_next_and_none_comes_after_the_appointment(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    customer = await make_customer(services, brand)
    booked = await salon.book(tomorrow(hour=10, days=3), member_id=customer.id)
    await salon.deliver()

    rows = await salon.rows(
        "SELECT template, send_after, useless_after, recheck FROM messaging_message WHERE brand_id = $1"
    )
    starts_at = (await salon.see(booked.booking_id)).starts_at
    hours = {
        str(row["template"]).removeprefix("appointment."): [
            (starts_at - at) / dt.timedelta(hours=1)  # type: ignore[operator]
            for at in (row["send_after"], row["useless_after"])
        ]
        for row in rows
    }
    assert hours["reminder_24h"] == [24, 2]
    assert hours["reminder_2h"] == [2, 0]
    assert hours["confirmed"][1] == 0
    assert {row["template"]: row["recheck"] for row in rows} == {
        "appointment.confirmed": "",
        "appointment.reminder_24h": "appointments.still_on",
        "appointment.reminder_2h": "appointments.still_on",
    }


async def test_who_serves_now_is_told_in_words_of_its_own_and_by_reminders_too(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2)
    anna, berta = salon.staff
    customer = await make_customer(services, brand)
    booked = await salon.book(tomorrow(hour=10, days=3), member_id=customer.id, staff_id=anna)
    await salon.deliver()
    before = await _told(salon, booked.booking_id)
    await moving.reassign(
        services.database, brand_id=brand.id, booking_id=booked.booking_id, staff_id=berta, resource_id=None,
        shops=None, actor_id=None,
    )  # fmt: skip
    await salon.deliver()
    assert "appointment.reassigned" not in await _told(salon, booked.booking_id), "it may be undone"
    await salon.settle()
    await salon.deliver()

    after = await _told(salon, booked.booking_id)
    name = after["appointment.reassigned"]["staff"]
    assert name != before["appointment.reminder_2h"]["staff"]
    assert {after[f"appointment.reminder_{one}"]["staff"] for one in ("24h", "2h")} == {name}
    assert "appointment.changed" not in after, "the time stays"


async def test_nobody_is_reminded_of_what_nobody_can_serve(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand)
    customer = await make_customer(services, brand)
    booked = await salon.book(tomorrow(hour=10, days=3), member_id=customer.id)
    reminder, choice = [
        Asked(new_id(), f"appointment:{booked.booking_id}{version}") for version in ("", ":choose")
    ]
    answers = []
    for attention in ("", "choose", "reassigned"):
        await salon.rows(
            "UPDATE appointments_booking SET attention = $3 WHERE brand_id = $1 AND id = $2",
            booked.booking_id,
            attention,
        )
        async with services.database.connection(brand.id) as tx:
            on = await telling.still(tx, due=[reminder, choice], now=clock.now())
        answers.append((reminder.message_id in on, choice.message_id in on))

    assert answers == [(True, False), (False, True), (True, False)]


async def test_what_the_house_notes_for_itself_is_no_sentence_to_a_customer_and_reads_well_on_screens(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(needs_approval=True))
    customer = await make_customer(services, brand)
    unanswered, refused, before = [
        await salon.book(tomorrow(hour=hour, days=3), member_id=customer.id) for hour in (10, 12, 14)
    ]
    async with services.database.unit_of_work(brand.id) as session:
        due = DueTimer(brand_id=brand.id, name=REQUEST_TIMER, key=str(unanswered.booking_id), payload={})
        await handlers.end_request.handle(session, due)
    async with services.database.connection(brand.id) as tx:
        booking = await life.see(tx, booking_id=refused.booking_id, is_locked=True)
        # Somebody of the shop uses the house's words: they are hers.
        await life.decline(tx, booking, by=Actor.SHOP, actor_id=None, now=clock.now(), reason="no answer")
        booking = await life.see(tx, booking_id=before.booking_id, is_locked=True)
        # An event that a worker of before left behind.
        await outbox.record(tx, BookingDeclined(booking=facts.of(booking), reason="no answer"))
    await salon.deliver()

    told = [await _told(salon, one.booking_id) for one in (unanswered, refused, before)]
    assert [one["appointment.declined"]["reason"] for one in told] == ["", "no answer", ""]
    async with services.database.connection(brand.id) as tx:
        seen = [await life.see(tx, booking_id=one.booking_id) for one in (unanswered, refused)]
        lines = [(await bookings.history(tx, booking_id=one.id))[-1] for one in seen]
    assert [(one.reason, one.reason_code.value) for one in seen] == [("", "no_answer"), ("no answer", "")]
    shown = [forms.detail_label(one.actor, one.detail) for one in lines]
    assert shown == [forms.reason_label(ReasonCode.NO_ANSWER), "no answer"]
