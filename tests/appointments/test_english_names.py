"""A shop's owner says in English what her shop and its people are called; nobody else's."""

import asyncio

import httpx
import pytest

from appointments.service import naming, setup
from appointments.service.naming import EnglishNames
from appointments.types import StaffFields
from tests.appointments.makers import make_salon
from tests.html_forms import fields_of, filled, submit
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}


async def test_an_owner_says_in_english_what_her_shop_and_its_people_are_called(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon, far = await make_salon(services, brand, people=2), await make_salon(services, brand)
    async with services.database.unit_of_work(brand.id) as session:
        guest = await setup.get_staff(session, staff_id=far.staff[0])
        fields = StaffFields(
            display_name="客座", home_shop_id=far.shop_id, guest_shop_ids=(salon.shop_id,), service_ids=()
        )
        await setup.save_staff(session, staff_id=guest.id, version=guest.version, fields=fields)
    owner = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)).headers | HTML
    clerk = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers | HTML
    client.cookies.set("locale", "en")
    page, panel = f"/shop/team/english?shop={salon.shop_id}", f"/shop/panels/english/{salon.shop_id}"

    html = (await client.get(page, headers=owner)).text
    assert panel in html
    assert f"/shop/team/english?shop={salon.shop_id}" in (await client.get("/shop/team", headers=owner)).text
    typed = filled(fields_of(html, having="name_en"), name_en=" The Bund ", address_en="1 East Road, Shanghai")
    saved = await submit(client, f"/shop/team/english/{salon.shop_id}", typed, headers=owner)
    assert (saved.status_code, saved.headers["location"]) == (303, page)
    shown = (await client.get(page, headers=owner)).text
    assert dict(fields_of(shown, having="name_en"))["name_en"] == "The Bund"
    # Read before it was saved: refused, and what was typed stands there.
    old = filled(fields_of(shown, having="name_en"), name_en="X", version=dict(typed)["version"])
    stale = await submit(client, f"/shop/team/english/{salon.shop_id}", old, headers=owner)
    assert (stale.status_code, 'value="X"' in stale.text) == (409, True)

    people = (await client.get(panel, headers=owner)).text
    assert ("化妆师 1" in people, "化妆师 2" in people, "客座" in people) == (True, True, False)
    fields_sent = fields_of(people, having="display_name_en")
    first, second = salon.staff
    names = iter(["Ms Lin", ""])
    sent = [(name, next(names) if name == "display_name_en" else value) for name, value in fields_sent]
    told = await submit(client, panel, sent, headers=owner)
    assert (told.status_code, "Saved" in told.text, 'value="Ms Lin"' in told.text) == (200, True, True)
    assert [await english_of(services, brand, one) for one in (first, second)] == ["Ms Lin", ""]
    keys = [dict(fields_of(told.text, having="title_en"))["_idempotency_key"], new_id().hex]
    rest = [(name, value) for name, value in sent if name != "_idempotency_key"]
    torn = await submit(client, panel, [("_idempotency_key", keys[0]), *rest[:-1]], headers=owner)
    assert torn.status_code == 400
    # Typed beside names that are older than those that stand: nothing is saved, and it is still there to be read.
    typed_on = [("_idempotency_key", keys[1]), *((n, "Z" if n == "title_en" else v) for n, v in rest)]
    again = await submit(client, panel, typed_on, headers=owner)
    assert (again.status_code, again.text.count('value="Z"')) == (409, 2)
    assert await english_of(services, brand, first) == "Ms Lin"

    for path in (page, panel):
        assert (await client.get(path, headers=clerk)).status_code == 403
    assert (await client.get(f"/shop/panels/english/{far.shop_id}", headers=owner)).status_code == 404
    strange = filled(typed, _idempotency_key=new_id().hex)
    foreign = await submit(client, f"/shop/team/english/{far.shop_id}", strange, headers=owner)
    assert foreign.status_code == 404


async def test_an_owner_s_app_says_them_by_json_all_or_none(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon, far = await make_salon(services, brand, people=2), await make_salon(services, brand)
    owner = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)).headers
    hq = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    path = "/v1/shop-appointments/people"
    listed = (await client.get(path, params={"shop_id": str(salon.shop_id)}, headers=owner)).json()
    assert [(one["display_name"], one["display_name_en"]) for one in listed] == [
        ("化妆师 1", ""),
        ("化妆师 2", ""),
    ]

    def said(**names: str) -> dict[str, object]:
        rows = {one["display_name"][-1]: one for one in listed}
        return {
            "people": [
                {"id": rows[number]["id"], "version": rows[number]["version"], "display_name_en": name}
                for number, name in ((key[1:], name) for key, name in names.items())
            ]
        }

    put = await client.put(f"{path}/english", json=said(n1="Ms Lin"), headers=owner)
    assert [(one["display_name_en"], one["version"] > listed[0]["version"]) for one in put.json()] == [
        ("Ms Lin", True)
    ]
    # One is stale: nobody is renamed.
    refused = await client.put(f"{path}/english", json=said(n2="Ms Su", n1="Ms Li"), headers=owner)
    assert (refused.status_code, refused.json()["code"]) == (409, "core.version_conflict")
    assert [await english_of(services, brand, one) for one in salon.staff] == ["Ms Lin", ""]
    stranger = {"people": [{"id": str(far.staff[0]), "version": 1, "display_name_en": "X"}]}
    unknown = await client.put(f"{path}/english", json=stranger, headers=owner)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "appointments.staff_unknown")
    assert await english_of(services, brand, far.staff[0]) == ""

    shop = (await client.get(f"/v1/shops/{salon.shop_id}", headers=owner)).json()["shop"]
    body = {"name_en": "The Bund", "address_en": " 1 East Road ", "version": shop["version"]}
    for who, version in ((owner, shop["version"]), (hq, shop["version"] + 1)):
        answer = await client.put(
            f"/v1/shops/{salon.shop_id}/english", json={**body, "version": version}, headers=who
        )
        assert (answer.status_code, answer.json()["shop"]["address_en"]) == (200, "1 East Road")
        body["name_en"] = "The Bund again"
    theirs = await client.put(f"/v1/shops/{far.shop_id}/english", json=body, headers=owner)
    assert (theirs.status_code, theirs.json()["code"]) == (404, "stores.shop_unknown")


async def test_of_two_who_name_somebody_at_once_one_is_told(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand)
    async with services.database.unit_of_work(brand.id) as session:
        [person] = await naming.at_home(session, shop_ids={salon.shop_id})

    async def say(name: str) -> str:
        try:
            async with services.database.unit_of_work(brand.id) as session:
                one = EnglishNames(id=person.id, display_name_en=name, version=person.version)
                await naming.put(session, shop_ids={salon.shop_id}, names=[one])
        except VersionConflict:
            return ""
        return name

    said = await asyncio.gather(*(say(f"Ms {number} {new_id().hex[-6:]}") for number in range(6)))
    [kept] = [one for one in said if one]
    assert await english_of(services, brand, person.id) == kept


async def english_of(services: Services, brand: BrandView, staff_id: object) -> str:
    async with services.database.unit_of_work(brand.id) as session:
        return (await setup.get_staff(session, staff_id=staff_id)).display_name_en  # type: ignore[arg-type]
