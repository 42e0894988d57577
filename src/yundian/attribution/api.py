"""What upper rooms ask of attribution. A subject is theirs: an opaque ``(type, id)``."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.attribution.repository import credits as credit_rows
from yundian.attribution.repository import links as link_rows
from yundian.attribution.repository import touches
from yundian.attribution.service import brought as links_followed
from yundian.attribution.service import credits, links
from yundian.attribution.types import (
    AgentClass,
    Brought,
    Channel,
    Credit,
    CreditView,
    Explanation,
    GroupOwner,
    LinkNumbers,
    LinkTarget,
    LinkView,
    Subject,
    TouchKind,
)
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.money import Money
from yundian.platform.core.settings import Settings
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox.door import Door

_VISITOR = "yundian_visitor"
_SHORTEST_VISITOR, _LONGEST_VISITOR = 20, 64


async def resolve(database: Database, *, keyring: Keyring, token: str) -> LinkView:
    """The link behind a token, before the brand is known; nothing is kept of it. ``LinkUnknown``."""
    return await links.resolve(database, keyring=keyring, token=token)


async def find_link(door: Door, *, link_id: uuid.UUID) -> LinkView | None:
    """The link by its id, whatever became of it."""
    return await links.find_link(door, link_id=link_id)


async def make_link(
    door: Door,
    *,
    keyring: Keyring,
    target: LinkTarget,
    shop_id: uuid.UUID | None,
    channel: Channel = Channel.SHARE,
    staff_id: uuid.UUID | None = None,
) -> LinkView:
    """The shop's live link to the target through this channel: made once, its snapshot brought up to date.

    ``staff_id``: the account of who shares, for a link of her own. Its address is ``link.path``. ``BadTarget``.
    """
    return await links.make_link(
        door, keyring=keyring, target=target, shop_id=shop_id, channel=channel, staff_id=staff_id
    )


async def share_onward(
    door: Door, *, keyring: Keyring, parent: LinkView, member_id: uuid.UUID, target: LinkTarget | None = None
) -> LinkView:
    """A customer passes on what she came by, or a group she is in (``target``): the parent's shop stays."""
    return await links.share_onward(door, keyring=keyring, parent=parent, member_id=member_id, target=target)


async def revoke_link(door: Door, *, link_id: uuid.UUID) -> bool:
    """End a link and what was shared onward from it. Who came before keeps counting."""
    return await links.revoke_link(door, link_id=link_id)


async def expire_links(door: Door, *, campaign_id: uuid.UUID, at: dt.datetime) -> int:
    """What a campaign's links lead to is over: those that would live longer end ``at``; how many. Who came before
    keeps counting."""
    return await link_rows.expire(door, campaign_id=campaign_id, at=at)


async def list_links(
    door: Door, *, shop_id: uuid.UUID, staff_id: uuid.UUID | None = None, limit: int = 50
) -> list[LinkNumbers]:
    """The shop's live links and one person's own, the newest first: opens, orders and sales of each."""
    return (await links.list_links(door, shop_id=shop_id, staff_id=staff_id, limit=limit)).items


def visitor_cookie_name(settings: Settings) -> str:
    return f"__Host-{_VISITOR}" if settings.is_production else _VISITOR


def visitor_of(settings: Settings, keyring: Keyring, cookies: Mapping[str, str]) -> bytes | None:
    """Who this browser is to attribution, from a request's cookies; ``None`` for one that opened no link yet."""
    value = cookies.get(visitor_cookie_name(settings), "")
    return visitor_hash(keyring, value) if is_visitor(value) else None


def is_visitor(value: str) -> bool:
    """Whether it looks like a value of ours."""
    return _SHORTEST_VISITOR <= len(value) <= _LONGEST_VISITOR


def visitor_hash(keyring: Keyring, value: str) -> bytes:
    """What is kept of a visitor's random value."""
    return keyring.blind_index(_VISITOR, value)


async def record_touch(
    door: Door,
    *,
    link_id: uuid.UUID,
    visitor: bytes | None,
    member_id: uuid.UUID | None,
    kind: TouchKind,
    at: dt.datetime,
    agent: AgentClass = AgentClass.PHONE,
    own_shop_ids: frozenset[uuid.UUID] = frozenset(),
) -> uuid.UUID | None:
    """Keep that somebody came by a link; ``None`` within half a minute of the same. ``/s/`` does it itself."""
    return await touches.add_touch(
        door,
        link_id=link_id,
        visitor=visitor,
        member_id=member_id,
        kind=kind,
        at=at,
        agent=agent,
        own_shop_ids=own_shop_ids,
    )


async def bind_visitor(door: Door, *, visitor: bytes, member_id: uuid.UUID) -> int:
    """What this browser did before is the member's from now on, on her other devices too. Call it when a
    signed-in member's page is opened with a visitor's cookie: one statement, nothing to do the second time."""
    return await touches.bind_visitor(door, visitor=visitor, member_id=member_id)


async def brought(tx: Tx, *, member_id: uuid.UUID | None, visitor: bytes | None, at: dt.datetime) -> list[Brought]:
    """The shops' links that somebody came by and that count at this moment, the latest visit first.

    What she buys of a campaign is credited to the first whose ``campaign_id`` is that campaign's or null.
    """
    return await links_followed.brought(tx, member_id=member_id, visitor=visitor, at=at)


async def shop_that_brought(
    tx: Tx, *, member_id: uuid.UUID | None, visitor: bytes | None, at: dt.datetime, campaign_id: uuid.UUID
) -> uuid.UUID | None:
    """Whose link an order of this campaign would be credited to at this moment; ``None``: no link's."""
    came_by = await links_followed.brought(tx, member_id=member_id, visitor=visitor, at=at)
    return next((one.shop_id for one in came_by if one.campaign_id in (None, campaign_id)), None)


async def decide(
    tx: Tx,
    *,
    member_id: uuid.UUID | None,
    visitor: bytes | None,
    at: dt.datetime,
    campaign_id: uuid.UUID | None = None,
    group: GroupOwner | None = None,
    item_shop_id: uuid.UUID | None = None,
    fulfil_shop_id: uuid.UUID | None = None,
    home_shop_id: uuid.UUID | None = None,
    own_shop_ids: frozenset[uuid.UUID] = frozenset(),
) -> Credit:
    """Whose an order of this buyer is at this moment, in one read; nothing is written.

    ``group``: the owner of the group she joins (``credit.group_owner`` of the order that opened it).
    ``own_shop_ids``: shops whose staff is signed in in the same browser.
    """
    return await credits.decide(
        tx,
        member_id=member_id,
        visitor=visitor,
        at=at,
        campaign_id=campaign_id,
        group=group,
        item_shop_id=item_shop_id,
        fulfil_shop_id=fulfil_shop_id,
        home_shop_id=home_shop_id,
        own_shop_ids=own_shop_ids,
    )


def look_part(
    cte: Cte,
    *,
    brand_id: uuid.UUID,
    member_id: uuid.UUID | None,
    visitor: bytes | None,
    at: dt.datetime,
    fulfil_shop_id: uuid.UUID,
    more_shops: str,
    name: str = "looked",
) -> None:
    """What ``decide`` reads, as the part ``name`` of a larger read: one row of ``LOOKED``. ``more_shops`` selects
    the shops in question that another part finds (the owner's of the group)."""
    touches.look_part(
        cte,
        brand_id=brand_id,
        member_id=member_id,
        visitor=visitor,
        at=at,
        shop_ids=[fulfil_shop_id],
        more_shops=more_shops,
        name=name,
    )


LOOKED = ("link_window_days", "touches", "closed")


def decide_from(
    looked: Sequence[Any],
    *,
    member_id: uuid.UUID | None,
    at: dt.datetime,
    campaign_id: uuid.UUID,
    group: GroupOwner | None,
    fulfil_shop_id: uuid.UUID,
    own_shop_ids: frozenset[uuid.UUID],
) -> Credit:
    """``decide`` from the columns of ``look_part``, asked for at the same moment."""
    return credits.decide_from(
        touches.looked_of(*looked),
        member_id=member_id,
        at=at,
        campaign_id=campaign_id,
        group=group,
        fulfil_shop_id=fulfil_shop_id,
        own_shop_ids=own_shop_ids,
    )


def credit_parts(
    cte: Cte,
    *,
    brand_id: uuid.UUID,
    credit: Credit,
    subject: Subject,
    amount: Money,
    member_id: uuid.UUID | None,
    given: str,
    name: str = "credit",
) -> None:
    """``write_credit`` as the part ``name`` of a larger statement, if the part ``given`` has a row. It returns the
    credit's ``id``; no row where the subject has a credit already."""
    values = credits.new_credit(credit=credit, subject=subject, amount=amount, member_id=member_id)
    credit_rows.credit_part(cte, brand_id=brand_id, values=values, given=given, name=name)


async def write_credit(
    door: Door, *, credit: Credit, subject: Subject, amount: Money, member_id: uuid.UUID | None
) -> bool:
    """Keep a decision for a subject, provisional; ``False`` when it has one already, which stays."""
    return await credits.write_credit(door, credit=credit, subject=subject, amount=amount, member_id=member_id)


async def finalise(door: Door, subjects: Sequence[Subject], *, at: dt.datetime | None = None) -> int:
    """What these are for stands (the group filled). ``attribution.credited.v1`` for each, once; how many."""
    return await credits.finalise(door, subjects=subjects, at=at)


async def reverse(door: Door, subjects: Sequence[Subject], *, at: dt.datetime | None = None) -> int:
    """These came to nothing (refunded whole). ``attribution.reversed.v1`` for each, once; how many."""
    return await credits.reverse(door, subjects=subjects, at=at)


async def get_credit(door: Door, *, subject: Subject) -> CreditView:
    """The credit as it stands; ``CreditUnknown``."""
    return await credits.get_credit(door, subject=subject)


async def explain(session: AsyncSession, *, subject: Subject) -> Explanation:
    """Why this shop: the rule, its evidence, and every transfer since. ``CreditUnknown``."""
    return await credits.explain(session, subject=subject)


async def transfer(
    session: AsyncSession,
    *,
    subject: Subject,
    from_shop_id: uuid.UUID | None,
    to_shop_id: uuid.UUID | None,
    reason: str,
    actor_id: uuid.UUID | None,
    actor_name: str = "",
) -> CreditView:
    """Move a credit, with audit, from where the caller saw it; null is HQ. ``attribution.transferred.v1``.

    Raises:
        CreditUnknown, ShopUnknown, CreditMoved, CreditNotTransferable.
    """
    return await credits.transfer(
        session,
        subject=subject,
        from_shop_id=from_shop_id,
        to_shop_id=to_shop_id,
        reason=reason,
        actor_id=actor_id,
        actor_name=actor_name,
    )
