"""The demo brand's make-up appointments: services, people with a week, chairs."""

import uuid
from collections.abc import Sequence

from appointments import api as appointments
from appointments.states import SpanKind
from appointments.types import PlanLine, ServiceFields, StaffFields
from stores import api as stores
from yundian.app.demo.bookings import Place
from yundian.platform.db.services import Services

_CHAIR = "化妆椅"
_SERVICES: Sequence[ServiceFields] = (
    ServiceFields(
        code="DT-MAKEUP",
        name="日常妆容体验",
        name_en="Everyday make-up",
        category="妆容",
        category_en="Make-up",
        description="彩妆师一对一，找到适合你的唇色与底妆。",
        description_en="One make-up artist, just for you: find your lip colour and your base.",
        duration_min=45,
        buffer_after_min=15,
        step_min=30,
        chair_kind=_CHAIR,
        notice_min=30,
    ),
    ServiceFields(
        code="DT-BRIDAL",
        name="新娘试妆",
        name_en="Bridal trial",
        category="妆容",
        category_en="Make-up",
        description="提前试妆，含发型建议。",
        description_en="A trial ahead of the day, with advice on hair.",
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
        name_en="Make-up party for friends",
        category="课堂",
        category_en="Class",
        description="三位好友，一位彩妆师，一个下午。",
        description_en="Three friends, one make-up artist, one afternoon.",
        duration_min=120,
        step_min=60,
        seats=3,
        notice_min=60,
    ),
)
# Shop, people, chairs, and how much it is liked.
_SHOPS: Sequence[tuple[str, tuple[str, ...], int, float]] = (
    ("SH001", ("林彩妆师", "苏彩妆师", "何彩妆师"), 2, 1.0),
    ("SH002", ("周彩妆师", "许彩妆师"), 2, 0.7),
    ("BJ001", ("沈彩妆师",), 1, 0.85),
)
_ENGLISH = {
    "林彩妆师": "Ms Lin",
    "苏彩妆师": "Ms Su",
    "何彩妆师": "Ms He",
    "周彩妆师": "Ms Zhou",
    "许彩妆师": "Ms Xu",
    "沈彩妆师": "Ms Shen",
}
_OPENS, _CLOSES, _LUNCH = 10 * 60, 20 * 60, (13 * 60, 14 * 60)


async def ensure_appointments(services: Services, brand_id: uuid.UUID) -> list[Place]:
    """Made once; where customers can book since now."""
    places = []
    async with services.database.unit_of_work(brand_id) as session:
        if await appointments.offers(session):
            return []
        made = [await appointments.create_service(session, fields=fields) for fields in _SERVICES]
        shops = await stores.find_shops(session, codes={code for code, _people, _chairs, _weight in _SHOPS})
        for code, people, chairs, weight in _SHOPS:
            shop = shops[code]
            staff = [
                await appointments.create_staff(
                    session,
                    fields=StaffFields(
                        display_name=name,
                        display_name_en=_ENGLISH[name],
                        home_shop_id=shop.id,
                        service_ids=tuple(one.id for one in made),
                    ),
                    week=_week(shop.id),
                )
                for name in people
            ]
            seats = [
                await appointments.create_chair(session, shop_id=shop.id, kind=_CHAIR, name=f"{number} 号椅")
                for number in range(1, chairs + 1)
            ]
            places.append(Place(shop.id, shop.time_zone, [one.id for one in staff], seats, weight))
    return places


def _week(shop_id: uuid.UUID) -> list[PlanLine]:
    spans = ((SpanKind.WORK, _OPENS, _CLOSES), (SpanKind.BREAK, *_LUNCH))
    return [
        PlanLine(shop_id=shop_id, weekday=day, kind=kind, starts=starts, ends=ends)
        for day in range(1, 8)
        for kind, starts, ends in spans
    ]
