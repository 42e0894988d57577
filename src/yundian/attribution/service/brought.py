"""Whose links somebody came by, as the rule would count them now: what her own pages may offer her."""

import datetime as dt
import uuid

from yundian.attribution import rules
from yundian.attribution.repository import links, touches
from yundian.attribution.types import Brought, Question
from yundian.platform.db.database import Tx


async def brought(tx: Tx, *, member_id: uuid.UUID | None, visitor: bytes | None, at: dt.datetime) -> list[Brought]:
    """Each link once, the latest visit first. Two statements; nothing is kept of the look."""
    if member_id is None and visitor is None:
        return []
    looked = await touches.look(tx, member_id=member_id, visitor=visitor, at=at, shop_ids=set())
    question = Question(
        at=at,
        window_days=looked.window_days,
        member_id=member_id,
        campaign_id=None,
        group=None,
        item_shop_id=None,
        fulfil_shop_id=None,
        home_shop_id=None,
        own_shop_ids=frozenset(),
        closed_shop_ids=looked.closed_shop_ids,
    )
    newest = sorted(looked.touches, key=lambda touch: (touch.at, touch.touch_id), reverse=True)
    counting = {touch.link_id: touch for touch in reversed(newest) if rules.refusal(question, touch) is None}
    latest = sorted(counting.values(), key=lambda touch: (touch.at, touch.touch_id), reverse=True)
    tokens = await links.tokens(tx, link_ids=[touch.link_id for touch in latest])
    return [
        Brought(
            link_id=touch.link_id,
            token=tokens[touch.link_id],
            shop_id=touch.shop_id,
            campaign_id=touch.campaign_id,
        )
        for touch in latest
        if touch.shop_id is not None
    ]
