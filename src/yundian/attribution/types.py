"""What ``attribution.api`` takes and returns. Amounts are minor units, times aware UTC."""

import datetime as dt
import uuid
from enum import StrEnum
from typing import NamedTuple

import msgspec

from yundian.attribution.states import CreditState
from yundian.platform.core.words import Words


class LinkKind(StrEnum):
    """What a link leads to."""

    CAMPAIGN = "campaign"
    GROUP = "group"
    SHOP = "shop"
    APPOINTMENT = "appointment"


class Channel(StrEnum):
    """How a link is passed on; each has its own token, so that opens can be told apart."""

    SHARE = "share"
    POSTER = "poster"
    QR = "qr"
    WECOM = "wecom"
    ONWARD = "onward"


class TouchKind(StrEnum):
    """``open``: the address was opened; ``scan``: WeChat told of a scanned code; ``join``: a group was joined."""

    OPEN = "open"
    SCAN = "scan"
    JOIN = "join"


class AgentClass(StrEnum):
    """What opened a link. A bot is kept and never counted."""

    WECHAT = "wechat"
    PHONE = "phone"
    DESKTOP = "desktop"
    BOT = "bot"


class CreditRule(StrEnum):
    """Which rule gave an order to its shop; the first that fits, in this order."""

    GROUP_OWNER = "group_owner"
    LINK = "link"
    ITEM_CODE = "item_code"
    FULFIL_SHOP = "fulfil_shop"
    HOME_SHOP = "home_shop"
    HQ = "hq"


class Mark(StrEnum):
    """What somebody should look at. It changes nothing by itself."""

    SELF_PURCHASE = "self_purchase"
    CLOSED_SHOP = "closed_shop"
    EXPIRED_LINK = "expired_link"
    TWO_SHOPS = "two_shops"


class Verdict(StrEnum):
    """What became of one touch in a decision."""

    WON = "won"
    ASSIST = "assist"
    EARLIER = "earlier"
    NO_SHOP = "no_shop"
    OTHER_CAMPAIGN = "other_campaign"
    TOO_OLD = "too_old"
    LINK_EXPIRED = "link_expired"
    LINK_REVOKED = "link_revoked"
    SHOP_CLOSED = "shop_closed"


class Subject(NamedTuple):
    """What is credited: an upper room's thing, for example ``("order", order_id)``."""

    type: str
    id: uuid.UUID


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """A share link. ``shop_id`` null: HQ's own. ``staff_id`` is the account of who shares, null: the shop itself.

    ``title``, ``picture`` and the price are a snapshot of the target for lists, cards and posters.
    """

    brand_id: uuid.UUID
    id: uuid.UUID
    token: str
    shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    kind: LinkKind
    target_type: str
    target_id: uuid.UUID
    target_path: str
    campaign_id: uuid.UUID | None
    channel: Channel
    parent_link_id: uuid.UUID | None
    sharer_member_id: uuid.UUID | None
    title: str
    picture: str
    price_minor: int | None
    currency: str
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None
    created_at: dt.datetime

    @property
    def path(self) -> str:
        """The address that is shared."""
        return f"/s/{self.token}"

    def is_live(self, now: dt.datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class LinkTarget(msgspec.Struct, frozen=True, kw_only=True):
    """Where a link leads: an opaque thing of the room that makes the link, and its page by a local path."""

    kind: LinkKind
    target_type: str
    target_id: uuid.UUID
    target_path: str
    title: str
    campaign_id: uuid.UUID | None = None
    picture: str = ""
    price_minor: int | None = None
    currency: str = "CNY"
    expires_at: dt.datetime | None = None


class LinkNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a link. ``sales_minor``: what stands, less refunds, in ``currency``."""

    link: LinkView
    opens: int
    orders: int
    sales_minor: int


class LinkRead(msgspec.Struct, frozen=True, kw_only=True):
    """A shop's link as its people get it. ``url`` is what they pass on; ``staff_id`` null: the shop itself."""

    id: uuid.UUID
    token: str
    url: str
    title: str
    shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    channel: Channel
    expires_at: dt.datetime | None

    @classmethod
    def of(cls, link: LinkView, *, base: str) -> "LinkRead":
        """``base``: the site's address, as it is reached from outside."""
        own = {name: getattr(link, name) for name in cls.__struct_fields__ if name != "url"}
        return cls(url=base.rstrip("/") + link.path, **own)


class LinkWithNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """A link and what came of it. ``sales_minor``: what stands, less refunds, in ``currency``."""

    link: LinkRead
    opens: int
    orders: int
    sales_minor: int
    currency: str


class GroupOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Whose group is joined: what its leader's credit said when it was opened."""

    shop_id: uuid.UUID | None
    link_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None


class Scan(NamedTuple):
    """WeChat told of a scanned code. The member is null while nobody is known by it."""

    event_id: uuid.UUID
    scene: str
    member_id: uuid.UUID | None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A touch of the buyer, with its link as it stands. ``is_own``: opened by people of the link's shop."""

    touch_id: uuid.UUID
    at: dt.datetime
    kind: TouchKind
    is_own: bool
    link_id: uuid.UUID
    shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    sharer_member_id: uuid.UUID | None
    expires_at: dt.datetime | None
    revoked_at: dt.datetime | None


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """A shop's link that somebody came by, and that counts today; ``campaign_id`` null: for whatever she buys."""

    link_id: uuid.UUID
    token: str
    shop_id: uuid.UUID
    campaign_id: uuid.UUID | None


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is bought, by whom, when; and which shops may be meant besides the links'."""

    at: dt.datetime
    window_days: int
    member_id: uuid.UUID | None = None
    campaign_id: uuid.UUID | None = None
    group: GroupOwner | None = None
    item_shop_id: uuid.UUID | None = None
    fulfil_shop_id: uuid.UUID | None = None
    home_shop_id: uuid.UUID | None = None
    own_shop_ids: frozenset[uuid.UUID] = frozenset()
    closed_shop_ids: frozenset[uuid.UUID] = frozenset()


class TouchEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """One touch that was considered, and what became of it."""

    touch_id: uuid.UUID
    at: dt.datetime
    kind: TouchKind
    link_id: uuid.UUID
    shop_id: uuid.UUID | None
    verdict: Verdict


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a decision was made from, newest touch first; enough to make it again."""

    window_days: int
    campaign_id: uuid.UUID | None
    group: GroupOwner | None
    item_shop_id: uuid.UUID | None
    fulfil_shop_id: uuid.UUID | None
    home_shop_id: uuid.UUID | None
    closed_shop_ids: tuple[uuid.UUID, ...]
    touches: tuple[TouchEvidence, ...]


class Credit(msgspec.Struct, frozen=True, kw_only=True):
    """A decision: whose order it is, and why. ``shop_id`` null: HQ's."""

    shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    rule: CreditRule
    link_id: uuid.UUID | None
    touch_id: uuid.UUID | None
    assist_link_id: uuid.UUID | None
    marks: tuple[Mark, ...]
    evidence: Evidence
    decided_at: dt.datetime

    @property
    def group_owner(self) -> GroupOwner:
        """What a group that is opened by this order says to those who join."""
        return GroupOwner(shop_id=self.shop_id, link_id=self.link_id, staff_id=self.staff_id)


class CreditView(msgspec.Struct, frozen=True, kw_only=True):
    """A credit as it stands; ``amount_minor`` less ``refunded_minor`` is what it is worth."""

    id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    member_id: uuid.UUID | None
    rule: CreditRule
    link_id: uuid.UUID | None
    touch_id: uuid.UUID | None
    assist_link_id: uuid.UUID | None
    marks: tuple[Mark, ...]
    state: CreditState
    amount_minor: int
    refunded_minor: int
    currency: str
    decided_at: dt.datetime
    evidence: Evidence


class TransferView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody moved a credit; ``actor_id`` null: the house itself. A shop that is null is HQ."""

    id: uuid.UUID
    at: dt.datetime
    from_shop_id: uuid.UUID | None
    to_shop_id: uuid.UUID | None
    actor_id: uuid.UUID | None
    actor_name: str
    reason: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why this shop: the credit, what happened to it since, newest first, and the names of all shops in it."""

    credit: CreditView
    transfers: tuple[TransferView, ...]
    shop_names: dict[uuid.UUID, Words]
