"""Tills and other systems move appointments of their shop by JSON, and take a move back."""

import datetime as dt

import httpx
import pytest

from tests.appointments.makers import make_salon
from tests.appointments.test_booking import tomorrow
from tests.members.makers import make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

PATH = "/v1/shop-appointments"
_MOVED = "SELECT id FROM messaging_message WHERE brand_id = $1 AND template = 'appointment.moved'"


async def test_a_shop_moves_an_appointment_by_json_and_takes_it_back(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    far = await make_salon(services, brand)
    customer = await make_customer(services, brand)
    start = tomorrow()
    booked = (await salon.book(start, member_id=customer.id)).booking_id
    own = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    strange = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=far.shop_id)).headers
    to = {"start": (start + dt.timedelta(hours=2)).isoformat(), "sequence": 0}

    refused = await client.post(f"{PATH}/{booked}/move", json=to, headers=strange)
    stale = await client.post(f"{PATH}/{booked}/move", json={**to, "sequence": 7}, headers=own)
    moved = [await client.post(f"{PATH}/{booked}/move", json=to, headers=own) for _ in range(2)]
    now = moved[0].json()["appointment"]
    back = [
        await client.post(f"{PATH}/{now['id']}/undo", json={"sequence": sequence}, headers=headers)
        for sequence, headers in (
            (now["sequence"], strange),
            (now["sequence"] + 1, own),
            (now["sequence"], own),
            (now["sequence"], own),
        )
    ]

    assert refused.status_code == 404
    assert stale.json()["code"] == "core.version_conflict"
    assert [one.status_code for one in moved] == [200, 200]
    assert moved[1].json() == moved[0].json(), "asked for twice, moved once"
    assert dt.datetime.fromisoformat(now["starts_at"]) == start + dt.timedelta(hours=2)
    assert [one.status_code for one in back] == [404, 409, 200, 409]
    assert back[2].json()["appointment"]["id"] == str(booked)
    assert dt.datetime.fromisoformat(back[2].json()["appointment"]["starts_at"]) == start
    assert back[3].json()["code"] == "appointments.too_late_to_undo"
    assert await salon.rows(_MOVED) == []
