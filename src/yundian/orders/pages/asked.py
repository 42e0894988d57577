"""What a list of orders is asked for: the same question for the page, its files and the shop's own list."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from stores.types import ShopView
from yundian.orders.schemas import channel_label, state_label
from yundian.orders.states import OWN_CHANNELS, OrderState
from yundian.orders.types import OrderFilter, OrderView
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told
from yundian.platform.web.pages import AnyRequest
from yundian.platform.web.sheets import Cell, MinorCell, Sheet

_NAMES = ("q", "state", "shop", "channel", "from", "to", "campaign")
_MOST_TYPED = 120


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters as they were typed. ``filter`` reads them and says which one cannot be read."""

    values: Mapping[str, str]

    @property
    def form(self) -> Form:
        return Form.of(**self.values)

    def without(self, *names: str) -> "Asked":
        """The same, but for what this list does not ask for."""
        return Asked({name: "" if name in names else text for name, text in self.values.items()})

    @property
    def is_filtered(self) -> bool:
        return any(self.values.values())

    async def filter(
        self, session: AsyncSession, *, zone: ZoneInfo, shop_ids: frozenset[uuid.UUID] | None = None
    ) -> OrderFilter:
        """Raises ``InvalidInput`` for a state, campaign or day that is none, and for days the wrong way round."""
        first, last = self._day("from"), self._day("to")
        if first and last and last < first:
            raise InvalidInput("to", "The last day is before the first")
        return OrderFilter(
            states=self._states(),
            shop_id=await _shop(session, self.values["shop"]),
            shop_ids=shop_ids,
            campaign_id=self._campaign(),
            channel=self.values["channel"],
            placed_from=_begin(first, zone),
            placed_before=_begin(last + dt.timedelta(days=1), zone) if last else None,
            number=self.values["q"],
        )

    def _states(self) -> frozenset[OrderState]:
        text = self.values["state"]
        if text and text not in set(OrderState):
            raise InvalidInput("state", "There is no such status")
        return frozenset({OrderState(text)}) if text else frozenset()

    def _campaign(self) -> uuid.UUID | None:
        try:
            return uuid.UUID(self.values["campaign"]) if self.values["campaign"] else None
        except ValueError as error:
            raise InvalidInput("campaign", "There is no such campaign") from error

    def _day(self, name: str) -> dt.date | None:
        text = self.values[name]
        if not text:
            return None
        try:
            day = dt.date.fromisoformat(text)
        except ValueError as error:
            raise InvalidInput(name, "This is not a date") from error
        # Around the ends of the calendar there is no day after, and none before in another zone.
        if not dt.date(1970, 1, 1) <= day <= dt.date(9000, 1, 1):
            raise InvalidInput(name, "This is not a date")
        return day


def asked_of(request: AnyRequest) -> Asked:
    """What the address says."""
    query = request.query_params
    return Asked({name: query.get(name, "").strip()[:_MOST_TYPED] for name in _NAMES})


def state_options() -> list[tuple[str, str]]:
    return [(one.value, state_label(one)) for one in OrderState]


def channel_options(names: Mapping[str, str], chosen: str) -> list[tuple[str, str]]:
    """The house's own channels, the brand's, and whatever else the address asks for."""
    codes = dict.fromkeys([*OWN_CHANNELS, *names, *([chosen] if chosen else [])])
    return [(code, channel_label(code, names)) for code in codes]


async def shops_of(session: AsyncSession, orders: list[OrderView]) -> dict[uuid.UUID, ShopView]:
    """The shops that these orders name."""
    named = {shop_id for one in orders for shop_id in (one.attributed_shop_id, one.fulfil_shop_id) if shop_id}
    return await stores.get_shops(session, ids=named)


async def _shop(session: AsyncSession, code: str) -> uuid.UUID | None:
    """The shop with the code; a code of none finds no order."""
    if not code:
        return None
    found = await stores.find_shops(session, codes={code})
    return found[code].id if code in found else new_id()


def _begin(day: dt.date | None, zone: ZoneInfo) -> dt.datetime | None:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC) if day else None


def sheet_of(
    orders: list[OrderView], *, shops: Mapping[uuid.UUID, ShopView], names: Mapping[str, str], zone: ZoneInfo
) -> Sheet:
    """The table for files: every column of the screen, and what only a file has room for."""

    def shop(shop_id: uuid.UUID | None, otherwise: str) -> str:
        found = shops.get(shop_id) if shop_id else None
        return told(found).name if found else otherwise

    rows: list[list[Cell]] = [
        [
            one.shown_number,
            one.placed_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
            channel_label(one.channel, names),
            shop(one.attributed_shop_id, _("Headquarters")),
            shop(one.fulfil_shop_id, ""),
            one.country,
            one.province,
            MinorCell(one.total_minor, one.currency),
            MinorCell(one.paid_minor, one.currency),
            MinorCell(one.refunded_minor, one.currency),
            one.currency,
            state_label(one.state),
            one.source_state,
        ]
        for one in orders
    ]
    headers = [
        _("Number"), _("Ordered"), _("Channel"), _("Credited shop"), _("Pick-up in"), _("Country"), _("Province"),
        _("Total"), _("Paid"), _("Refunded"), _("Currency"), _("Status"), _("Status at the source"),
    ]  # fmt: skip
    return Sheet(name="orders", title=_("Orders"), headers=headers, rows=rows, totals=[])
