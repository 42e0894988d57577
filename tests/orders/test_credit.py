"""An order goes with its credit."""

import pytest

from tests.orders.makers import Desk
from tests.stores.makers import make_shop, shop_fields
from yundian.attribution import api as attribution
from yundian.attribution.events import Transferred
from yundian.attribution.types import Subject
from yundian.orders.handlers import follow_transfer
from yundian.orders.types import SUBJECT
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money

pytestmark = pytest.mark.anyio


async def test_a_transferred_credit_takes_its_order_along_in_whatever_order_it_is_told(desk: Desk) -> None:
    services, brand = desk.services, desk.brand
    order = await desk.place(attributed_shop_id=desk.shop.id)
    subject = Subject(SUBJECT, order.id)
    second, third = [(await make_shop(services, brand, fields=shop_fields(code=code))).id for code in ("B", "C")]
    async with services.database.connection(brand.id) as tx:
        credit = await attribution.decide(
            tx,
            member_id=None,
            visitor=None,
            at=clock.now(),
            campaign_id=None,
            group=None,
            fulfil_shop_id=desk.shop.id,
        )
        await attribution.write_credit(tx, credit=credit, subject=subject, amount=Money(1, "CNY"), member_id=None)
    for source, target in ((desk.shop.id, second), (second, third)):
        async with services.database.unit_of_work(brand.id) as session:
            await attribution.transfer(
                session, subject=subject, from_shop_id=source, to_shop_id=target, reason="moved", actor_id=new_id()
            )
    told = [
        Transferred(
            credit_id=new_id(),
            transfer_id=new_id(),
            subject_type=kind,
            subject_id=order.id,
            from_shop_id=None,
            to_shop_id=second,
            staff_id=None,
            state="provisional",
            amount_minor=1,
            currency="CNY",
            transferred_at=clock.now(),
        )
        for kind in (SUBJECT, "appointment")
    ]

    for event in told:
        async with services.database.unit_of_work(brand.id) as session:
            await follow_transfer.handle(session, event)

    assert (await desk.see(order.id)).attributed_shop_id == third
    assert (await desk.see(order.id)).fulfil_shop_id == order.fulfil_shop_id
