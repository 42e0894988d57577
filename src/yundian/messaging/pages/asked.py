"""What the log of messages is asked for: the same question for the page and for its file."""

import datetime as dt
import uuid
from collections.abc import Mapping

from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from yundian.messaging.schemas.forms import LogForm
from yundian.messaging.service import asking
from yundian.messaging.types import MessageFilter
from yundian.platform.core.errors import InvalidInput
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import told
from yundian.platform.web.pages import AnyRequest

_NAMES = ("state", "template", "class", "channel", "reason", "shop", "member", "since", "until")
_MOST_TYPED = 64


def asked_of(request: AnyRequest) -> dict[str, str]:
    """The filters as they were typed, without the empty ones."""
    query = request.query_params
    typed = {name: query.get(name, "").strip()[:_MOST_TYPED] for name in _NAMES}
    return {name: text for name, text in typed.items() if text}


def filter_of(asked: Mapping[str, str], *, zone: str) -> MessageFilter:
    """The filters as they are meant; days are those of ``zone``.

    Raises what ``Form.attempt`` shows for what is none, and for days the wrong way round.
    """
    form = Form.of(**asked).parse(LogForm)
    since, before = asking.between(form.since, form.until, zone=zone)
    return MessageFilter(
        state=form.state,
        template=form.template,
        message_class=form.message_class,
        channel=form.channel,
        reason=form.reason,
        member_id=form.member,
        shop_id=form.shop,
        since=since,
        before=before,
    )


def day_of(text: str) -> dt.date | None:
    """The day that was typed; anything else counts as none."""
    try:
        return asking.checked("", dt.date.fromisoformat(text))
    except (ValueError, InvalidInput):
        return None


async def shop_names(session: AsyncSession) -> dict[uuid.UUID, str]:
    """The brand's shops."""
    return {one.id: one.name for one in told(await stores.list_shops(session))}
