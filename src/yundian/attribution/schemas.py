"""What attribution's API takes and answers, what its pages' forms send, and a decision in sentences."""

import datetime as dt
import uuid
from typing import Annotated

import msgspec
from msgspec import Meta

from yundian.attribution.states import CreditState
from yundian.attribution.types import (
    CreditRule,
    CreditView,
    Explanation,
    Mark,
    TouchEvidence,
    TouchKind,
    TransferView,
    Verdict,
)
from yundian.platform.web import formats
from yundian.platform.web.context import current
from yundian.platform.web.i18n import gettext as _

Reason = Annotated[str, Meta(min_length=1, max_length=400)]
Token = Annotated[str, Meta(min_length=1, max_length=32)]
Address = Annotated[str, Meta(min_length=1, max_length=1000)]


class TransferForm(msgspec.Struct, frozen=True, kw_only=True):
    """``shop`` is a shop's id, or ``hq``; ``code`` is another shop's code and goes before."""

    seen: str
    reason: Reason
    shop: str = "hq"
    code: Annotated[str, Meta(max_length=40)] = ""


class TransferRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``from_shop_id``: where the caller saw it; null is HQ."""

    from_shop_id: uuid.UUID | None
    to_shop_id: uuid.UUID | None
    reason: Reason


class ShareRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``token``: the link by which the page was reached. ``url``: the page's address, as the browser shows it."""

    token: Token
    url: Address


class WeChatSignature(msgspec.Struct, frozen=True, kw_only=True):
    """For ``wx.config`` on exactly that address."""

    app_id: str
    timestamp: str
    nonce: str
    signature: str


class ShareCard(msgspec.Struct, frozen=True, kw_only=True):
    """What a shared page looks like in a chat. ``wechat`` is null where the page cannot change WeChat's menu."""

    title: str
    text: str
    url: str
    picture: str
    wechat: WeChatSignature | None


class TouchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A mini program was opened by a code with this scene. ``visitor``: random characters that it keeps."""

    token: Token
    visitor: Annotated[str, Meta(min_length=20, max_length=64)]


class TouchedLink(msgspec.Struct, frozen=True, kw_only=True):
    """Where the link leads."""

    kind: str
    target_type: str
    target_id: uuid.UUID
    path: str
    title: str
    shop_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    is_live: bool


class TouchRead(msgspec.Struct, frozen=True, kw_only=True):
    """A touch that was considered. ``verdict``: what became of it, and ``text`` says so."""

    at: dt.datetime
    kind: TouchKind
    link_id: uuid.UUID
    shop_id: uuid.UUID | None
    shop_name: str
    verdict: Verdict
    text: str


class TransferRead(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer; a shop that is null is HQ."""

    at: dt.datetime
    from_shop_id: uuid.UUID | None
    to_shop_id: uuid.UUID | None
    actor_id: uuid.UUID | None
    actor_name: str
    reason: str
    text: str


class CreditRead(msgspec.Struct, frozen=True, kw_only=True):
    """Whose it is and why. ``why`` is the answer in sentences, in the caller's language."""

    subject_type: str
    subject_id: uuid.UUID
    shop_id: uuid.UUID | None
    shop_name: str
    staff_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    rule: CreditRule
    state: CreditState
    marks: list[Mark]
    link_id: uuid.UUID | None
    assist_link_id: uuid.UUID | None
    amount_minor: int
    refunded_minor: int
    currency: str
    decided_at: dt.datetime
    window_days: int
    why: list[str]
    touches: list[TouchRead]
    transfers: list[TransferRead]


def credit_read(found: Explanation) -> CreditRead:
    credit = found.credit
    return CreditRead(
        **{
            name: getattr(credit, name)
            for name in CreditRead.__struct_fields__
            if name in CreditView.__struct_fields__ and name != "marks"
        },
        shop_name=_own_name(found, credit.shop_id),
        marks=list(credit.marks),
        window_days=credit.evidence.window_days,
        why=sentences(found),
        touches=[_touch_read(found, touch) for touch in credit.evidence.touches],
        transfers=[_transfer_read(found, one) for one in found.transfers],
    )


def _touch_read(found: Explanation, touch: TouchEvidence) -> TouchRead:
    return TouchRead(
        at=touch.at,
        kind=touch.kind,
        link_id=touch.link_id,
        shop_id=touch.shop_id,
        shop_name=_own_name(found, touch.shop_id),
        verdict=touch.verdict,
        text=touch_sentence(found, touch),
    )


def _transfer_read(found: Explanation, one: TransferView) -> TransferRead:
    return TransferRead(
        at=one.at,
        from_shop_id=one.from_shop_id,
        to_shop_id=one.to_shop_id,
        actor_id=one.actor_id,
        actor_name=one.actor_name,
        reason=one.reason,
        text=transfer_sentence(found, one),
    )


def shop_name(found: Explanation, shop_id: uuid.UUID | None) -> str:
    """How the shop is called; HQ has a name too."""
    if shop_id is None:
        return _("headquarters")
    name = found.shop_names.get(shop_id)
    return name.text(current().locale) if name else str(shop_id)


def _own_name(found: Explanation, shop_id: uuid.UUID | None) -> str:
    """For programs, whatever their language."""
    known = found.shop_names.get(shop_id) if shop_id else None
    return known.own if known else shop_name(found, shop_id)


def sentences(found: Explanation) -> list[str]:
    """Why this shop, in the order one would tell it: the rule, what to look at, what happened since."""
    told = [rule_sentence(found)]
    told += [mark_sentence(mark) for mark in found.credit.marks]
    told += [transfer_sentence(found, one) for one in reversed(found.transfers)]
    return [*told, state_sentence(found.credit.state)]


def decided_shop(found: Explanation) -> uuid.UUID | None:
    """Whose it was by the rule, before anybody moved it."""
    return found.transfers[-1].from_shop_id if found.transfers else found.credit.shop_id


def rule_sentence(found: Explanation) -> str:
    """The rule that gave it to its first shop."""
    credit = found.credit
    shop, days = shop_name(found, decided_shop(found)), credit.evidence.window_days
    won = next((touch.at for touch in credit.evidence.touches if touch.verdict is Verdict.WON), credit.decided_at)
    texts = {
        CreditRule.GROUP_OWNER: _(
            "The group was opened through %(shop)s, and every order of a group is its opener's.",
            shop=shop,
        ),
        CreditRule.LINK: _(
            "The customer came by a link of %(shop)s on %(when)s. The latest of the last %(days)s days counts.",
            shop=shop,
            when=formats.datetime(won),
            days=days,
        ),
        CreditRule.ITEM_CODE: _(
            "No shop's link counted. The customer had scanned an item of %(shop)s.", shop=shop
        ),
        CreditRule.FULFIL_SHOP: _("No shop's link counted. %(shop)s hands the order over.", shop=shop),
        CreditRule.HOME_SHOP: _("No shop's link counted. The customer is at home in %(shop)s.", shop=shop),
        CreditRule.HQ: _("No shop brought this customer: the order is headquarters' own."),
    }
    return texts[credit.rule]


def touch_sentence(found: Explanation, touch: TouchEvidence) -> str:
    """What became of one touch."""
    facts = {
        "when": formats.datetime(touch.at),
        "shop": shop_name(found, touch.shop_id),
        "days": found.credit.evidence.window_days,
    }
    texts = {
        Verdict.WON: _("%(when)s: came by a link of %(shop)s. This one counts.", **facts),
        Verdict.ASSIST: _("%(when)s: came by a link of %(shop)s too. Kept as an assist.", **facts),
        Verdict.EARLIER: _("%(when)s: came by a link of %(shop)s. Something later counts.", **facts),
        Verdict.NO_SHOP: _("%(when)s: came by a link of headquarters, which brings no shop a credit.", **facts),
        Verdict.OTHER_CAMPAIGN: _(
            "%(when)s: came by a link of %(shop)s, but for another campaign. It does not count.", **facts
        ),
        Verdict.TOO_OLD: _(
            "%(when)s: came by a link of %(shop)s, more than %(days)s days before. It does not count.", **facts
        ),
        Verdict.LINK_EXPIRED: _(
            "%(when)s: came by a link of %(shop)s that had expired. It does not count.", **facts
        ),
        Verdict.LINK_REVOKED: _(
            "%(when)s: came by a link of %(shop)s that had been ended. It does not count.", **facts
        ),
        Verdict.SHOP_CLOSED: _(
            "%(when)s: came by a link of %(shop)s, which has closed. It does not count.", **facts
        ),
    }
    return texts[touch.verdict]


def mark_sentence(mark: Mark) -> str:
    """What somebody should look at."""
    texts = {
        Mark.SELF_PURCHASE: _(
            "The buyer seems to work in this shop, or shared the link herself. The shop keeps the credit."
        ),
        Mark.CLOSED_SHOP: _("A shop that has closed is part of this story."),
        Mark.EXPIRED_LINK: _("The last link she came by had expired."),
        Mark.TWO_SHOPS: _("Links of more than one shop brought this customer."),
    }
    return texts[mark]


def transfer_sentence(found: Explanation, one: TransferView) -> str:
    """Who moved it, when, from where to where, and why."""
    return _(
        "%(when)s: %(who)s moved it from %(source)s to %(target)s. Reason: %(reason)s",
        when=formats.datetime(one.at),
        who=one.actor_name or _("Somebody"),
        source=shop_name(found, one.from_shop_id),
        target=shop_name(found, one.to_shop_id),
        reason=one.reason,
    )


def state_sentence(state: CreditState) -> str:
    """Whether it stands."""
    texts = {
        CreditState.PROVISIONAL: _(
            "Provisional until the order is released, for example until its group is full."
        ),
        CreditState.FINAL: _("Final."),
        CreditState.REVERSED: _("Reversed: the order came to nothing."),
    }
    return texts[state]
