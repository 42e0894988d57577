"""Who reads English finds service, shop and people by their English names, from the list to the calendar."""

import re
from urllib.parse import quote

import httpx
import pytest

from appointments.repository import setup as repository
from appointments.schemas.setups import service_values
from appointments.service import setup
from appointments.types import ServiceFields, StaffFields
from stores import api as stores
from stores.service import shops as shop_service
from stores.types import ShopEdit
from tests.appointments.makers import Salon, make_salon
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_telling import _told
from tests.members.makers import make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.messaging.rules import rendering
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.core.words import Words
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
_SERVICE, _SHOP, _PERSON = "Bridal trial", "Daiting Nanjing Road", "Ms Lin"


async def _say_in_english(salon: Salon) -> None:
    async with salon.services.database.unit_of_work(salon.brand.id) as session:
        names = ServiceFields.__struct_fields__
        standing = {name: value for name, value in service_values(salon.service).items() if name in names}
        await setup.save_service(
            session,
            service_id=salon.service.id,
            version=salon.service.version,
            fields=ServiceFields(**{**standing, "name_en": _SERVICE, "description_en": "With advice on hair"}),
        )
        person = await setup.get_staff(session, staff_id=salon.staff[0])
        fields = StaffFields(
            display_name=person.display_name,
            display_name_en=_PERSON,
            home_shop_id=person.home_shop_id,
            service_ids=person.service_ids,
        )
        await setup.save_staff(session, staff_id=person.id, version=person.version, fields=fields)
        shop = (await stores.get_shop(session, shop_id=salon.shop_id)).shop
        edit = ShopEdit(name_en=_SHOP, address_en="1 Nanjing Road, Shanghai")
        await shop_service.update_shop(
            session, brand_id=salon.brand.id, shop_id=shop.id, version=shop.version, edit=edit
        )


async def test_a_customer_books_in_english_and_is_told_in_english(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    await _say_in_english(salon)
    customer = await make_customer(services, brand)
    start = tomorrow(days=2)
    booked = await salon.book(start, member_id=customer.id, staff_id=salon.staff[0])
    await salon.deliver()
    code = (await salon.see(booked.booking_id)).code
    hers, at = {**HTML, **customer.headers}, f"/m/{brand.code}"
    place = f"{at}/book/{salon.shop_id}"
    screens = {
        f"{at}/book": (_SHOP,),
        place: (_SHOP, _SERVICE, "With advice on hair", "1 Nanjing Road, Shanghai"),
        f"{place}/{salon.service.id}": (_SHOP, _SERVICE, _PERSON),
        f"{place}/{salon.service.id}/confirm?start={quote(start.isoformat())}&staff={salon.staff[0]}": (_PERSON,),
        f"{at}/appointments": (_SERVICE,),
        f"{at}/appointments/{code}": (_SHOP, _SERVICE, _PERSON),
        f"{at}/appointments/{code}/calendar.ics": (f"{_SERVICE} · {_SHOP}", "1 Nanjing Road"),
    }
    async with services.database.unit_of_work(brand.id) as session:
        own = (await stores.get_shop(session, shop_id=salon.shop_id)).shop.name
    for path, words in screens.items():
        mark = "&" if "?" in path else "?"
        english = (await client.get(f"{path}{mark}lang=en", headers=hers)).text.replace("\\,", ",")
        chinese = (await client.get(f"{path}{mark}lang=zh_CN", headers=hers)).text
        assert [word for word in words if word not in english] == [], path
        assert [word for word in (_SERVICE, _SHOP, _PERSON) if word in chinese] == [], path
        assert re.search(re.escape(salon.service.name) + r"(?![^<]*</option>)", english) is None, path
        assert own not in english, path

    values = (await _told(salon, booked.booking_id))["appointment.confirmed"]
    told = {one: rendering.words(values, locale=one, zone=salon.zone) for one in ("en", "zh_CN")}
    assert {told["en"][name] for name in ("service", "shop", "staff")} == {_SERVICE, _SHOP, _PERSON}
    assert told["zh_CN"]["service"] == salon.service.name
    listed = (
        await client.get(f"/v1/appointment-services?shop_id={salon.shop_id}", headers=customer.headers)
    ).json()
    assert [(one["name"], one["name_en"]) for one in listed] == [(salon.service.name, _SERVICE)]


async def test_a_members_timeline_tells_her_appointments_in_english(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    await _say_in_english(salon)
    customer = await make_customer(services, brand)
    await salon.book(tomorrow(days=2), member_id=customer.id, staff_id=salon.staff[0])
    await salon.deliver()
    hq = (await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers

    english, chinese = [
        (await client.get(f"/hq/members/{customer.id}?lang={lang}", headers={**HTML, **hq})).text
        for lang in ("en", "zh_CN")
    ]

    assert (f"{_SERVICE} · {_PERSON}" in english, f"{salon.service.name} ·" in english) == (True, False)
    assert (_SERVICE in chinese, f"{salon.service.name} ·" in chinese) == (False, True)


async def test_what_was_booked_under_another_name_keeps_it_in_every_language(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    await _say_in_english(salon)
    customer = await make_customer(services, brand)
    booked = await salon.book(tomorrow(days=2), member_id=customer.id)
    await salon.rows("UPDATE appointments_service SET name = '别的' WHERE brand_id = $1 RETURNING id")

    booking = await salon.see(booked.booking_id)

    assert (booking.service_name, booking.service_name_en) == (salon.service.name, "")


async def test_headquarters_type_both_names_and_an_editor_in_english_saves_neither_over_the_other(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    await _say_in_english(salon)
    admin = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers | HTML

    page = (await client.get(f"/hq/appointments/services/{salon.service.id}?lang=en", headers=admin)).text
    person = (await client.get(f"/hq/appointments/staff/{salon.staff[0]}?lang=en", headers=admin)).text

    assert f'name="name" type="text" value="{salon.service.name}"' in page
    assert f'value="{_SERVICE}"' in page
    assert f"<h1>{_SERVICE}</h1>" in page
    assert f'value="{_PERSON}"' in person
    async with services.database.unit_of_work(brand.id) as session:
        names = await repository.staff_names(session, staff_ids=[salon.staff[0], new_id()])
        service = await repository.get_service(session, service_id=salon.service.id)
    assert names == {salon.staff[0]: Words(names[salon.staff[0]].own, _PERSON)}
    assert (service.name, service.name_en) == (salon.service.name, _SERVICE)
