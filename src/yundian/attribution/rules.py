"""Whose order it is: pure, from what was seen. The reasons are in ADR 0015."""

import datetime as dt
import hashlib
import uuid
from collections.abc import Sequence

from yundian.attribution.types import (
    Credit,
    CreditRule,
    Evidence,
    Mark,
    Question,
    Seen,
    TouchEvidence,
    Verdict,
)

# Touches that a decision looks at, the newest of a buyer.
MAX_TOUCHES = 20
SAME_VISIT = dt.timedelta(seconds=30)
TOKEN_LENGTH = 10
MAX_PATH = 300

_TOLD = {Verdict.SHOP_CLOSED: Mark.CLOSED_SHOP, Verdict.LINK_EXPIRED: Mark.EXPIRED_LINK}


def decide(question: Question, touches: Sequence[Seen]) -> Credit:
    """The one shop that is credited, by the first rule that fits; with everything that was considered.

    A group's owner > the latest touch whose link counts > the scanned item's shop > who hands the order over >
    where the member is at home > HQ.
    """
    newest = sorted(touches, key=lambda touch: (touch.at, touch.touch_id), reverse=True)
    refused = {touch.touch_id: verdict for touch in newest if (verdict := refusal(question, touch)) is not None}
    live = [touch for touch in newest if touch.touch_id not in refused]
    rule, shop_id = _rule(question, live)
    link, winner, staff_id = _winner(question, rule, live)
    assist = next((touch.link_id for touch in live if _is_assist(touch, rule, link, shop_id)), None)
    verdicts = refused | {touch.touch_id: _verdict(touch, winner, assist) for touch in live}
    return Credit(
        shop_id=shop_id,
        staff_id=staff_id,
        campaign_id=question.campaign_id,
        rule=rule,
        link_id=link,
        touch_id=winner.touch_id if winner else None,
        assist_link_id=assist,
        marks=_marks(question, newest, refused, live, winner, rule, shop_id),
        evidence=_evidence(question, newest, verdicts),
        decided_at=question.at,
    )


def refusal(question: Question, touch: Seen) -> Verdict | None:
    """Why a touch does not count. A link must have lived when it was opened; its shop, when it is bought."""
    found = None
    if touch.shop_id is None:
        found = Verdict.NO_SHOP
    elif None not in (touch.campaign_id, question.campaign_id) and touch.campaign_id != question.campaign_id:
        found = Verdict.OTHER_CAMPAIGN
    elif question.at - touch.at > dt.timedelta(days=question.window_days):
        found = Verdict.TOO_OLD
    elif touch.revoked_at is not None and touch.at >= touch.revoked_at:
        found = Verdict.LINK_REVOKED
    elif touch.expires_at is not None and touch.at >= touch.expires_at:
        found = Verdict.LINK_EXPIRED
    elif touch.shop_id in question.closed_shop_ids:
        found = Verdict.SHOP_CLOSED
    return found


def _rule(question: Question, live: Sequence[Seen]) -> tuple[CreditRule, uuid.UUID | None]:
    if question.group is not None and question.group.shop_id is not None:
        return CreditRule.GROUP_OWNER, question.group.shop_id
    if live:
        return CreditRule.LINK, live[0].shop_id
    places = (
        (CreditRule.ITEM_CODE, question.item_shop_id),
        (CreditRule.FULFIL_SHOP, question.fulfil_shop_id),
        (CreditRule.HOME_SHOP, question.home_shop_id),
    )
    for rule, shop_id in places:
        if shop_id is not None and shop_id not in question.closed_shop_ids:
            return rule, shop_id
    return CreditRule.HQ, None


def _winner(
    question: Question, rule: CreditRule, live: Sequence[Seen]
) -> tuple[uuid.UUID | None, Seen | None, uuid.UUID | None]:
    """The link that is credited, the buyer's own touch on it, and who shared it."""
    if rule is CreditRule.LINK:
        return live[0].link_id, live[0], live[0].staff_id
    if rule is CreditRule.GROUP_OWNER and question.group is not None:
        link = question.group.link_id
        return link, next((touch for touch in live if touch.link_id == link), None), question.group.staff_id
    return None, None, None


def _is_assist(touch: Seen, rule: CreditRule, link: uuid.UUID | None, shop_id: uuid.UUID | None) -> bool:
    """In a group whatever else brought the joiner; outside, the shop that came second."""
    if rule is CreditRule.GROUP_OWNER:
        return touch.link_id != link
    return touch.shop_id != shop_id


def _verdict(touch: Seen, winner: Seen | None, assist: uuid.UUID | None) -> Verdict:
    if winner is not None and touch.touch_id == winner.touch_id:
        return Verdict.WON
    return Verdict.ASSIST if touch.link_id == assist else Verdict.EARLIER


def _marks(
    question: Question,
    newest: Sequence[Seen],
    refused: dict[uuid.UUID, Verdict],
    live: Sequence[Seen],
    winner: Seen | None,
    rule: CreditRule,
    shop_id: uuid.UUID | None,
) -> tuple[Mark, ...]:
    found = set[Mark]()
    if rule is CreditRule.GROUP_OWNER:
        if shop_id in question.closed_shop_ids:
            found.add(Mark.CLOSED_SHOP)
    else:
        # Only what would have won, had it counted.
        for touch in newest:
            if touch is winner:
                break
            found.update({_TOLD[verdict]} if (verdict := refused.get(touch.touch_id)) in _TOLD else set())
    if len({touch.shop_id for touch in live} | ({shop_id} if live else set())) > 1:
        found.add(Mark.TWO_SHOPS)
    if _is_own(question, newest, winner, shop_id):
        found.add(Mark.SELF_PURCHASE)
    return tuple(sorted(found))


def _is_own(question: Question, newest: Sequence[Seen], winner: Seen | None, shop_id: uuid.UUID | None) -> bool:
    """The buyer works in the credited shop, as far as her browser shows, or shared the very link herself."""
    if shop_id is None:
        return False
    if shop_id in question.own_shop_ids or any(touch.is_own and touch.shop_id == shop_id for touch in newest):
        return True
    sharer = winner.sharer_member_id if winner else None
    return sharer is not None and sharer == question.member_id


def _evidence(question: Question, newest: Sequence[Seen], verdicts: dict[uuid.UUID, Verdict]) -> Evidence:
    return Evidence(
        window_days=question.window_days,
        campaign_id=question.campaign_id,
        group=question.group,
        item_shop_id=question.item_shop_id,
        fulfil_shop_id=question.fulfil_shop_id,
        home_shop_id=question.home_shop_id,
        closed_shop_ids=tuple(sorted(question.closed_shop_ids)),
        touches=tuple(
            TouchEvidence(
                touch_id=touch.touch_id,
                at=touch.at,
                kind=touch.kind,
                link_id=touch.link_id,
                shop_id=touch.shop_id,
                verdict=verdicts[touch.touch_id],
            )
            for touch in newest
        ),
    )


def normalised_token(token: str) -> str:
    """Tokens are capitals and digits; who types one may use small letters."""
    return token.strip().upper() if len(token) <= TOKEN_LENGTH + 2 else ""


def is_local_path(path: str) -> bool:
    """Whether it is a page of this site, never another site's address."""
    if not path.startswith("/") or path.startswith("//") or "\\" in path:
        return False
    return len(path) <= MAX_PATH and path.isascii() and path.isprintable() and " " not in path


def is_customers_page(path: str) -> bool:
    """Whether customers may pass it on: the brand's pages for them, and nothing else of this site."""
    return path.startswith("/m/") and is_local_path(path)


def moment_of(event_id: uuid.UUID) -> dt.datetime:
    """When a time-ordered id was made, to the millisecond."""
    return dt.datetime.fromtimestamp(int.from_bytes(event_id.bytes[:6]) / 1000, dt.UTC)


def scan_visitor(event_id: uuid.UUID) -> bytes:
    """Who scanned, while nobody is known by it: found again when she joins."""
    return hashlib.sha256(b"scan:" + event_id.bytes).digest()
