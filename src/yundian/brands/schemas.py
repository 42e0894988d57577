"""What the brand's API takes, and what its pages' forms send."""

import uuid
from typing import Annotated, Literal

import msgspec

from yundian.brands.rules import MAX_AFTER_SALE_DAYS, MAX_LINK_WINDOW_DAYS, MAX_NAME, MAX_UNCOLLECTED_DAYS
from yundian.brands.types import PolicyFields

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME, pattern=r"\S")]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1, description="As it was read; a stale one is refused.")]
Subscriber = Annotated[str, msgspec.Meta(min_length=1, max_length=80, examples=["stores.forget_sku"])]


class PolicyUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The brand's policy as a client says it; also the fields of the page's form."""

    display_name: Name
    display_name_en: Annotated[str, msgspec.Meta(max_length=MAX_NAME, description="Empty: none")] = ""
    default_locale: Literal["zh_CN", "en"]
    time_zone: Annotated[str, msgspec.Meta(max_length=40, examples=["Asia/Shanghai"])]
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$", examples=["CNY"])]
    after_sale_days: Annotated[int, msgspec.Meta(ge=0, le=MAX_AFTER_SALE_DAYS)]
    link_window_days: Annotated[int, msgspec.Meta(ge=1, le=MAX_LINK_WINDOW_DAYS)]
    uncollected_days: Annotated[
        int, msgspec.Meta(ge=0, le=MAX_UNCOLLECTED_DAYS, description="0: never; else 7 at least")
    ] = 0
    version: Version

    def fields(self) -> PolicyFields:
        """Trimmed."""
        return PolicyFields(
            display_name=self.display_name.strip(),
            display_name_en=self.display_name_en.strip(),
            default_locale=self.default_locale,
            time_zone=self.time_zone,
            currency=self.currency,
            after_sale_days=self.after_sale_days,
            link_window_days=self.link_window_days,
            uncollected_days=self.uncollected_days,
        )


class Rerun(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which parked delivery or timer to try again."""

    kind: Literal["delivery", "timer"]
    id: uuid.UUID
    subscriber: Subscriber


class RerunAll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose parked deliveries or timers to try again."""

    subscriber: Subscriber


class Rerunning(msgspec.Struct, frozen=True, kw_only=True):
    """How many were put back."""

    count: int
