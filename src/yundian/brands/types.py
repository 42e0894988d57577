"""What ``brands.api`` takes and returns."""

import datetime as dt
import uuid

import msgspec


class BrandView(msgspec.Struct, frozen=True, kw_only=True):
    id: uuid.UUID
    code: str
    name: str


class PolicyFields(msgspec.Struct, frozen=True, kw_only=True):
    """What HQ decides for the whole brand.

    ``after_sale_days``: how long a customer may return things. ``link_window_days``: how long a shop's link is
    credited for what follows from it. ``uncollected_days``: after how many days what nobody collects is paid back
    by itself; 0: never.
    """

    display_name: str
    default_locale: str
    time_zone: str
    currency: str
    after_sale_days: int
    link_window_days: int
    uncollected_days: int = 0


class PolicyView(PolicyFields, frozen=True, kw_only=True):
    version: int
    updated_at: dt.datetime
