"""The JSON of what HQ sets up. Times of day are those of the shop's clock, written as 09:30; an end at or before
its start lies in the next day."""

import datetime as dt
import uuid
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from appointments.repository.replacements import Replacement
from appointments.repository.setup import ResourceView, StaffDayView
from appointments.rules.readiness import Counts, Lack
from appointments.schemas.setups import AwayForm, Clock, both, sound, span_of, text_of
from appointments.service import purchases, viewing
from appointments.service.parties import Offered
from appointments.service.readiness import Readiness
from appointments.service.replacing import Begun
from appointments.states import BookingState, DayKind, DayRule, SpanKind, Status
from appointments.types import BookingView, PlanLine, ServiceFields, ShopDayView, StaffFields, StaffView

Version = Annotated[int, Meta(ge=1, le=2**31 - 1, description="As it was read; a stale one is refused.")]
# Whether a field tells anything besides blanks.
_TELLING = r"\S"
PersonName = Annotated[str, Meta(min_length=1, max_length=60, pattern=_TELLING)]
Title = Annotated[str, Meta(max_length=60)]
ChairName = Annotated[str, Meta(min_length=1, max_length=40, pattern=_TELLING)]
ChairKind = Annotated[str, Meta(min_length=1, max_length=32, pattern=_TELLING)]
Remark = Annotated[str, Meta(max_length=120)]
Ids = Annotated[list[uuid.UUID], Meta(max_length=1000)]


class ServiceWrite(ServiceFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service with its policies; lengths in minutes, money in minor units of the brand's currency."""

    code: Annotated[str, Meta(min_length=1, max_length=40, pattern=_TELLING)]
    name: Annotated[str, Meta(min_length=1, max_length=80, pattern=_TELLING)]

    def fields(self) -> ServiceFields:
        """Trimmed. Refuses a rule on a deposit that nobody has to pay."""
        said: dict[str, Any] = {name: getattr(self, name) for name in ServiceFields.__struct_fields__}
        # Not what is one of a few words.
        texts = {name: value.strip() for name, value in said.items() if type(value) is str}
        return sound(ServiceFields(**{**said, **texts}))


class ServiceUpdate(ServiceWrite, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Version


class PersonRead(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who serves. ``shop_ids`` has her home shop, too; ``daily_cap`` of 0: no limit."""

    id: uuid.UUID
    display_name: str
    display_name_en: str
    title: str
    title_en: str
    home_shop_id: uuid.UUID
    shop_ids: tuple[uuid.UUID, ...]
    service_ids: tuple[uuid.UUID, ...]
    daily_cap: int
    status: Status
    version: int

    @classmethod
    def of(cls, one: StaffView) -> "PersonRead":
        return msgspec.convert(one, cls, from_attributes=True)


class PersonWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where somebody serves, what, and how often a day at most (0: no limit)."""

    display_name: PersonName
    home_shop_id: uuid.UUID
    title: Title = ""
    display_name_en: Title = ""
    title_en: Title = ""
    guest_shop_ids: Ids = []
    service_ids: Ids = []
    daily_cap: Annotated[int, Meta(ge=0, le=100)] = 0
    status: Status = Status.ACTIVE

    def fields(self, *, account_id: uuid.UUID | None = None) -> StaffFields:
        return StaffFields(
            display_name=self.display_name,
            home_shop_id=self.home_shop_id,
            display_name_en=self.display_name_en,
            title=self.title,
            title_en=self.title_en,
            guest_shop_ids=tuple(self.guest_shop_ids),
            service_ids=tuple(self.service_ids),
            account_id=account_id,
            daily_cap=self.daily_cap,
            status=self.status,
        )


class PersonUpdate(PersonWrite, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Version


class WeekLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Work or a break on a week day (1 is Monday) in one of her shops."""

    weekday: Annotated[int, Meta(ge=1, le=7)]
    shop_id: uuid.UUID
    starts: Clock
    ends: Clock
    kind: SpanKind = SpanKind.WORK

    @classmethod
    def of(cls, line: PlanLine) -> "WeekLine":
        return cls(
            weekday=line.weekday,
            shop_id=line.shop_id,
            starts=text_of(line.starts),
            ends=text_of(line.ends),
            kind=line.kind,
        )

    def line(self) -> PlanLine:
        starts, ends = span_of(self.starts, self.ends)
        return PlanLine(shop_id=self.shop_id, weekday=self.weekday, kind=self.kind, starts=starts, ends=ends)


class WeekWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole week. ``version`` is the person's."""

    lines: Annotated[list[WeekLine], Meta(max_length=200)]
    version: Version


class WeekRead(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's week in order; ``version`` is hers."""

    lines: list[WeekLine]
    version: int


class AwayWrite(AwayForm, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is different from one date to another, both included: away, other hours, one more break."""


class OtherDayRead(msgspec.Struct, frozen=True, kw_only=True):
    """A date on which somebody's week does not hold."""

    id: uuid.UUID
    day: dt.date
    kind: DayKind
    shop_id: uuid.UUID | None
    starts: str | None
    ends: str | None
    reason: str

    @classmethod
    def of(cls, one: StaffDayView) -> "OtherDayRead":
        return cls(
            id=one.id,
            day=one.day,
            kind=one.kind,
            shop_id=one.shop_id,
            starts=_clock(one.starts),
            ends=_clock(one.ends),
            reason=one.reason,
        )


class Replaced(msgspec.Struct, frozen=True, kw_only=True):
    """So many appointments were given to somebody else, and so many customers are asked to choose.

    With a ``replacement_id`` there are more than can be waited for: they are seen to in the background.
    """

    given: int
    asked: int
    replacement_id: uuid.UUID | None = None

    @classmethod
    def of(cls, one: Begun) -> "Replaced":
        return cls(given=one.given, asked=one.asked, replacement_id=one.run_id)


class ReplacementRead(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is: of ``total`` appointments so many are ``done``. The rest of those stayed as they were."""

    id: uuid.UUID
    staff_id: uuid.UUID | None
    shop_id: uuid.UUID | None
    total: int
    done: int
    given: int
    asked: int
    ended_at: dt.datetime | None

    @classmethod
    def of(cls, one: Replacement) -> "ReplacementRead":
        return cls(**msgspec.structs.asdict(one))


class FeedRead(msgspec.Struct, frozen=True, kw_only=True):
    """Where somebody's calendar subscribes to her appointments; null while she does not serve. Whoever knows the
    address reads them."""

    url: str | None


class ShopRead(msgspec.Struct, frozen=True, kw_only=True):
    """What is set up in a shop, and what keeps customers from booking there (``lacks``), in the order of work."""

    shop_id: uuid.UUID
    code: str
    name: str
    name_en: str
    counts: Counts
    lacks: list[Lack]

    @classmethod
    def of(cls, one: Readiness) -> "ShopRead":
        return cls(
            shop_id=one.shop.id,
            code=one.shop.code,
            name=one.shop.name,
            name_en=one.shop.name_en,
            counts=one.counts,
            lacks=one.lacks,
        )


class ShopDayRead(msgspec.Struct, frozen=True, kw_only=True):
    """A date with other hours; without any the shop is closed."""

    day: dt.date
    opens: str | None
    closes: str | None
    reason: str

    @classmethod
    def of(cls, one: ShopDayView) -> "ShopDayRead":
        return cls(day=one.day, opens=_clock(one.opens), closes=_clock(one.closes), reason=one.reason)


class ShopDayWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other hours on a date; without any the shop is closed."""

    opens: Clock | None = None
    closes: Clock | None = None
    reason: Remark = ""

    def view(self, day: dt.date) -> ShopDayView:
        opens, closes = both(self.opens, self.closes, ("opens", "closes"))
        return ShopDayView(day=day, opens=opens, closes=closes, reason=self.reason)


class HolidayRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a shop treats public holidays of China, and the weekend days that make up for them."""

    holidays: DayRule
    workdays: DayRule


class ShopSetupRead(msgspec.Struct, frozen=True, kw_only=True):
    """Chairs and rooms, holidays, and the dates to come with other hours. ``unknown_year``: one in reach whose
    holidays are not announced yet, where a shop follows them."""

    shop_id: uuid.UUID
    chairs: list[ResourceView]
    holidays: DayRule
    workdays: DayRule
    days: list[ShopDayRead]
    unknown_year: int | None


class ChairWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chair or a room; services ask for one of a kind."""

    kind: ChairKind
    name: ChairName


class ChairStatus(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: Status


class FlowPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For so many days after an appointment an order follows it; so long it is known who looked at times."""

    purchase_days: Annotated[int, Meta(ge=1, le=purchases.MOST_DAYS)]
    viewing_days: Annotated[int, Meta(ge=viewing.LEAST_DAYS, le=viewing.MOST_DAYS)]


class GroupOfferWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    service_id: uuid.UUID


class GroupOfferRead(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign whose groups buy a session of a service."""

    campaign_id: uuid.UUID
    campaign_code: str
    campaign_name: str
    service_id: uuid.UUID
    service_name: str
    service_name_en: str

    @classmethod
    def of(cls, one: Offered) -> "GroupOfferRead":
        campaign, service = one.campaign, one.service
        return cls(
            campaign_id=campaign.id,
            campaign_code=campaign.code,
            campaign_name=campaign.name,
            service_id=service.id,
            service_name=service.name,
            service_name_en=service.name_en,
        )


class MisfitRead(msgspec.Struct, frozen=True, kw_only=True):
    """An appointment to come that nobody can keep as it is."""

    id: uuid.UUID
    code: str
    state: BookingState
    shop_id: uuid.UUID
    service_id: uuid.UUID
    service_name: str
    service_name_en: str
    staff_id: uuid.UUID
    staff_name: str
    staff_name_en: str
    member_id: uuid.UUID | None
    starts_at: dt.datetime
    ends_at: dt.datetime
    time_zone: str

    @classmethod
    def of(cls, booking: BookingView) -> "MisfitRead":
        return msgspec.convert(booking, cls, from_attributes=True)


def _clock(minute: int | None) -> str | None:
    return None if minute is None else text_of(minute)
