"""HQ's pages say what belongs together: what groups book, what is dear, what is done, which chair is which."""

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from appointments.rules.readiness import Counts, steps
from appointments.service import setup
from appointments.states import Status
from tests.appointments.makers import make_salon, service_fields
from tests.appointments.parlour import open_parlour
from tests.groupbuy.kit import GROUP_PRICE
from tests.helpers import submit
from tests.people import sign_in_as
from tests.stores.makers import make_shop
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

if TYPE_CHECKING:
    import asyncpg

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
HQ = "/hq/appointments"


async def test_a_campaign_says_which_session_its_groups_book_and_leads_there(
    client: httpx.AsyncClient, services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    parlour = await open_parlour(services, brand, pool, price_minor=GROUP_PRICE - 100)
    hq = {**HTML, **(await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers}
    service = parlour.salon.service
    panel = f"/hq/panels/campaigns/{parlour.campaign.campaign.id}/appointment"

    page = (await client.get(f"/hq/campaigns/{parlour.campaign.campaign.id}?lang=en", headers=hq)).text
    dear = (await client.get(f"{panel}?lang=en", headers=hq)).text
    async with services.database.connection(brand.id) as tx:
        await tx.execute("UPDATE appointments_service SET price_minor = $1, status = 'retired'", GROUP_PRICE)
    gone = (await client.get(f"{panel}?lang=en", headers=hq)).text

    assert f'hx-get="{panel}"' in page
    assert f'href="/hq/appointments/services/{service.id}">{service.name}</a>' in dear
    assert ("alone the service costs" in dear, "not offered any more" in dear) == (True, False)
    assert ("alone the service costs" in gone, "not offered any more" in gone) == (False, True)


async def test_a_campaign_that_sells_goods_speaks_of_no_session_and_one_dearer_than_alone_is_marked(
    client: httpx.AsyncClient, services: Services, brand: BrandView, pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    parlour = await open_parlour(services, brand, pool)
    fair = parlour.fair
    hq = {**HTML, **(await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers}
    plain = await fair.sell()
    path = f"/hq/campaigns/{plain.campaign.id}?lang=en"

    fair_price = (await client.get(path, headers=hq)).text
    async with services.database.connection(brand.id) as tx:
        await tx.execute("UPDATE groupbuy_item SET single_price_minor = group_price_minor - 1")
    dear = (await client.get(path, headers=hq)).text
    panel = (await client.get(f"/hq/panels/campaigns/{plain.campaign.id}/appointment", headers=hq)).text

    assert ("Nobody saves anything" in fair_price, "Nobody saves anything" in dear) == (False, True)
    assert "/hq/panels/campaigns/" not in dear
    assert panel.strip() == ""


async def test_a_chair_that_was_taken_out_of_use_comes_back_under_its_name(
    services: Services, brand: BrandView, client: httpx.AsyncClient
) -> None:
    salon = await make_salon(services, brand, chairs=0, fields=service_fields(chair_kind="化妆椅"))
    hq = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    path = f"{HQ}/shops/{salon.shop_id}/chairs"

    async def add(kind: str) -> int:
        return (await submit(client, path, {"kind": kind, "name": "窗边"}, **hq)).status_code

    assert [await add("美甲桌"), await add("化妆椅")] == [303, 409]
    async with services.database.unit_of_work(brand.id) as session:
        (first,) = await setup.resources_of(session, shop_id=salon.shop_id)
        await setup.set_resource_status(
            session, shop_id=salon.shop_id, resource_id=first.id, status=Status.RETIRED
        )
    assert [await add("化妆椅"), await add("化妆椅")] == [303, 409]

    async with services.database.unit_of_work(brand.id) as session:
        (again,) = await setup.resources_of(session, shop_id=salon.shop_id)
    assert (again.id, again.kind, again.status) == (first.id, "化妆椅", Status.ACTIVE)


async def test_the_steps_before_the_first_booking_are_ticked_as_they_are_done(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    hq = {**HTML, **(await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers}

    async def ticked() -> list[bool]:
        page = (await client.get(f"{HQ}?lang=en", headers=hq)).text
        listed = re.search(r'<ol class="steps-list">(.*?)</ol>', page, re.DOTALL)
        return ["badge-good" in one for one in listed[1].split("</li>")[:-1]] if listed else []

    nothing = await ticked()
    await make_shop(services, brand)
    shop = await ticked()
    async with services.database.unit_of_work(brand.id) as session:
        await setup.save_service(
            session, service_id=None, version=None, fields=service_fields(chair_kind="化妆椅")
        )
    service = await ticked()

    assert nothing == [False] * 4
    assert shop == [True, False, False, False]
    assert service == [True, True, False, False]


def test_a_step_is_done_in_some_shop_but_one_shop_needs_them_all() -> None:
    empty = Counts(is_in_business=True, has_hours=True, people=0, planned=0, chairs=1, performed=0, offered=0)
    staffed = Counts(is_in_business=True, has_hours=False, people=2, planned=2, chairs=1, performed=1, offered=1)
    open_too = Counts(is_in_business=True, has_hours=True, people=2, planned=2, chairs=1, performed=1, offered=1)

    apart = steps([empty, staffed], has_services=True)

    assert (apart.has_shops, apart.has_people, apart.has_chairs, apart.can_book) == (True, True, True, False)
    assert steps([open_too], has_services=True).can_book


async def test_days_and_shop_go_along_between_how_busy_and_the_funnel(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    hq = {**HTML, **(await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers}
    asked = f"from=2026-03-01&to=2026-03-07&shop={salon.shop_id}"

    busy = (await client.get(f"{HQ}?{asked}", headers=hq)).text.replace("&amp;", "&")
    funnel = (await client.get(f"{HQ}/funnel?{asked}&lang=en", headers=hq)).text.replace("&amp;", "&")

    assert f'href="{HQ}/funnel?{asked}"' in busy
    assert f'href="{HQ}?{asked}"' in funnel
    # It is these days that are empty, not the brand.
    assert "Nobody looked or asked on these days" in funnel
