"""What ``brands.api`` takes and returns."""

import datetime as dt
import uuid

from yundian.platform.core.words import Bilingual


class BrandView(Bilingual, frozen=True, kw_only=True):
    id: uuid.UUID
    code: str
    name: str
    name_en: str = ""


class PolicyFields(Bilingual, frozen=True, kw_only=True):
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
    display_name_en: str = ""


class PolicyView(PolicyFields, frozen=True, kw_only=True):
    version: int
    updated_at: dt.datetime
