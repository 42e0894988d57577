"""Where a shop is offered to take a move back, and for how long."""

import datetime as dt

import httpx
import pytest

from appointments.states import BookingState
from tests.appointments.makers import make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.helpers import submit
from tests.members.makers import make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def test_the_board_offers_to_undo_and_the_sheet_as_long_as_nobody_was_told(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=15))
    owner = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)).headers
    stranger = (
        await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=(await make_salon(services, brand)).shop_id)
    ).headers
    customer = await make_customer(services, brand)
    start = tomorrow(days=2)
    booked = await salon.book(start, member_id=customer.id, staff_id=salon.staff[0])
    one = await salon.see(booked.booking_id)
    part = f"/shop/appointments/board?shop={salon.shop_id}&day={one.local_day}"
    drop = {
        "version": str(one.sequence), "lane": str(salon.staff[1]), "by": "staff", "day": one.local_day.isoformat(),
        "start": (start + dt.timedelta(hours=2)).isoformat(),
    }  # fmt: skip
    page = await submit(client, f"/shop/appointments/{one.id}/place", drop, **owner)
    [new] = await salon.rows(
        "SELECT id, sequence FROM appointments_booking WHERE brand_id = $1 AND moved_from = $2", one.id
    )
    sheet = f"/shop/appointments/{new['id']}"
    values = {"version": str(new["sequence"]), "by": "staff", "day": one.local_day.isoformat()}

    assert f'data-undo="{new["id"]}" data-undo-version="{new["sequence"]}"' in page.text
    assert f'action="{sheet}/undo"' in (await client.get(sheet, headers=owner)).text
    [marked] = {text for text in page.text.split('"') if len(text) == 24 and text.isalnum()}
    assert (await client.get(f"{part}&seen={marked}", headers=owner)).status_code == 204
    assert (await submit(client, f"{sheet}/undo", values, **stranger)).status_code in (303, 404)
    older = {**values, "version": str(int(values["version"]) - 1)}
    stale = await submit(client, f"{sheet}/undo", older, **{**owner, "HX-Request": "true"})
    assert (stale.status_code, (await salon.see(one.id)).state) == (409, BookingState.RESCHEDULED)
    back = await submit(client, f"{sheet}/undo", values, **{**owner, "HX-Request": "true"})
    assert back.status_code == 200
    assert f'data-card="{one.id}"' in back.text
    assert "data-undo=" not in back.text
    assert (await client.get(f"{part}&seen={marked}", headers=owner)).status_code == 200
    late = await submit(client, f"{sheet}/undo", values, **{**owner, "HX-Request": "true"})
    assert late.status_code == 409
    assert "data-refused" in late.text
    assert (await salon.see(one.id)).state is BookingState.CONFIRMED
    assert (
        f'action="/shop/appointments/{one.id}/undo"'
        not in (await client.get(f"/shop/appointments/{one.id}", headers=owner)).text
    )


async def test_who_cannot_take_a_move_back_reads_why_and_where_the_appointment_stays(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=1, chairs=1, fields=service_fields(step_min=15))
    owner = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)).headers
    her, faster = [await make_customer(services, brand) for _ in range(2)]
    start = tomorrow(days=2)
    one = await salon.see((await salon.book(start, member_id=her.id)).booking_id)
    day = one.local_day.isoformat()
    drop = {"version": str(one.sequence), "lane": str(salon.staff[0]), "by": "staff", "day": day}
    later = (start + dt.timedelta(hours=4)).isoformat()
    await submit(client, f"/shop/appointments/{one.id}/place", {**drop, "start": later}, **owner)
    [new] = await salon.rows(
        "SELECT id, sequence FROM appointments_booking WHERE brand_id = $1 AND moved_from = $2", one.id
    )
    values = {"version": str(new["sequence"]), "by": "staff", "day": day}
    await submit(client, f"/shop/appointments/{new['id']}/stand", {"day": day}, **owner)
    await salon.book(start, member_id=faster.id)

    board = await submit(
        client, f"/shop/appointments/{new['id']}/undo?lang=en", values, **{**owner, "HX-Request": "true"}
    )
    sheet = await submit(client, f"/shop/appointments/{new['id']}/undo?lang=en", values, **owner)
    shown = await client.get(sheet.headers["location"], headers=owner)

    assert board.status_code == 409
    assert "It is too late to undo this" in board.text
    assert f'data-card="{new["id"]}"' in board.text
    assert sheet.headers["location"] == f"/shop/appointments/{new['id']}"
    assert "move it again instead" in shown.text
    assert (await salon.see(new["id"])).state is BookingState.CONFIRMED  # type: ignore[arg-type]
