"""The demo brand's make-up appointments: services, people with a week, chairs, and a few bookings for tomorrow."""

import datetime as dt
import uuid
from collections.abc import Sequence

from appointments import api as appointments
from appointments.api import Wish
from appointments.errors import SlotTaken
from appointments.states import SpanKind
from appointments.types import PlanLine, ServiceFields, StaffFields
from stores import api as stores
from yundian.platform.core import clock
from yundian.platform.db.services import Services

_CHAIR = "化妆椅"
_SERVICES: Sequence[ServiceFields] = (
    ServiceFields(
        code="DT-MAKEUP",
        name="日常妆容体验",
        category="妆容",
        description="彩妆师一对一，找到适合你的唇色与底妆。",
        duration_min=45,
        buffer_after_min=15,
        step_min=30,
        chair_kind=_CHAIR,
        notice_min=30,
    ),
    ServiceFields(
        code="DT-BRIDAL",
        name="新娘试妆",
        category="妆容",
        description="提前试妆，含发型建议。",
        duration_min=90,
        buffer_before_min=10,
        buffer_after_min=20,
        step_min=30,
        chair_kind=_CHAIR,
        price_minor=39_900,
        deposit_minor=5_000,
        cutoff_min=1440,
        is_late_cancel_charged=True,
        is_no_show_charged=True,
    ),
    ServiceFields(
        code="DT-PARTY",
        name="闺蜜妆容派对",
        category="课堂",
        description="三位好友，一位彩妆师，一个下午。",
        duration_min=120,
        step_min=60,
        seats=3,
        notice_min=60,
    ),
)
# Shop, people, chairs.
_SHOPS: Sequence[tuple[str, tuple[str, ...], int]] = (
    ("SH001", ("林彩妆师", "苏彩妆师", "何彩妆师"), 2),
    ("SH002", ("周彩妆师", "许彩妆师"), 2),
    ("BJ001", ("沈彩妆师",), 1),
)
_OPENS, _CLOSES, _LUNCH = 10 * 60, 20 * 60, (13 * 60, 14 * 60)
_BOOKED = 4


async def ensure_appointments(services: Services, brand_id: uuid.UUID) -> bool:
    """Made once; whether it was now."""
    async with services.database.unit_of_work(brand_id) as session:
        if await appointments.offers(session):
            return False
        made = [await appointments.create_service(session, fields=fields) for fields in _SERVICES]
        shops = await stores.find_shops(session, codes={code for code, _people, _chairs in _SHOPS})
        for code, people, chairs in _SHOPS:
            shop = shops[code]
            for name in people:
                await appointments.create_staff(
                    session,
                    fields=StaffFields(
                        display_name=name, home_shop_id=shop.id, service_ids=tuple(one.id for one in made)
                    ),
                    week=_week(shop.id),
                )
            for number in range(1, chairs + 1):
                await appointments.create_chair(session, shop_id=shop.id, kind=_CHAIR, name=f"{number} 号椅")
    first = shops[_SHOPS[0][0]]
    tomorrow = clock.business_day(clock.now(), first.time_zone) + dt.timedelta(days=1)
    async with services.database.connection(brand_id) as tx:
        free = await appointments.free_times(
            tx,
            shop_id=first.id,
            service_id=made[0].id,
            first=tomorrow,
            last=tomorrow,
            now=clock.now(),
        )
    for start in free[: 2 * _BOOKED : 2]:
        wish = Wish(shop_id=first.id, service_id=made[0].id, start=start, source=appointments.BY_SHOP)
        try:
            await appointments.book(services.database, keyring=services.keyring, brand_id=brand_id, wish=wish)
        except SlotTaken:
            continue
    return True


def _week(shop_id: uuid.UUID) -> list[PlanLine]:
    spans = ((SpanKind.WORK, _OPENS, _CLOSES), (SpanKind.BREAK, *_LUNCH))
    return [
        PlanLine(shop_id=shop_id, weekday=day, kind=kind, starts=starts, ends=ends)
        for day in range(1, 8)
        for kind, starts, ends in spans
    ]
