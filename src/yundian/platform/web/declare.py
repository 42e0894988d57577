"""What a room contributes to the page shell."""

from dataclasses import dataclass
from enum import StrEnum

from yundian.platform.core.principal import Role


class Place(StrEnum):
    """Where a navigation entry or a panel appears."""

    HQ_NAVIGATION = "hq.navigation"
    SHOP_NAVIGATION = "shop.navigation"
    HQ_HOME = "hq.home"
    SHOP_HOME = "shop.home"
    HQ_SHOP = "hq.shop"
    HQ_ORDER = "hq.order"
    HQ_MEMBER = "hq.member"
    # Beside the numbers; the address gets their query: days, channel, and what else they are narrowed to.
    HQ_SALES = "hq.sales"
    SHOP_LINKS = "shop.links"
    # A brand's pages for its customers; addresses hold ``{brand}``. OWN is there once she is signed in.
    CUSTOMER_NAVIGATION = "customer.navigation"
    CUSTOMER_HOME = "customer.home"
    CUSTOMER_OWN = "customer.own"
    CUSTOMER_ORDER = "customer.order"
    SHOP_ORDER = "shop.order"
    # Where a shop's owner says in English what the shop calls its own; addresses hold ``{id}``, the shop's.
    SHOP_ENGLISH = "shop.english"


class Section(StrEnum):
    """Under which heading of HQ's navigation an entry stands; shown in this order. The shop's has none."""

    OVERVIEW = "overview"
    SELLING = "selling"
    RANGE = "range"
    CUSTOMERS = "customers"
    SETUP = "setup"


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """A link in the navigation of one audience; ``label`` is a msgid. No roles: customers, who have none.

    It is marked on its own page, those below it, and those below ``also``.
    """

    place: Place
    order: int
    label: str
    url: str
    icon: str
    roles: frozenset[Role]
    section: Section = Section.OVERVIEW
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a page that another room renders: loaded by HTMX from ``url``.

    ``url`` may hold ``{id}``, filled with the id of the thing the page shows, and on customers' pages ``{brand}``.
    No roles: customers, who have none.
    """

    place: Place
    order: int
    url: str
    roles: frozenset[Role]
