"""What members agree to: the brand's own text, or the house's until it has one."""

import uuid

from yundian.members import rules
from yundian.members.repository import terms as repository
from yundian.members.types import TermsView
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput, VersionConflict
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door

_HOUSE = TermsView(number=0, text_version=rules.TERMS_VERSION, text_zh="", text_en="")


async def current(door: Door) -> TermsView:
    """The text as it stands; number 0 without words is the house's. One statement."""
    return await repository.newest(door) or _HOUSE


async def publish(door: Door, *, number: int, text_zh: str, text_en: str, actor_id: uuid.UUID | None) -> TermsView:
    """From now on members are asked to agree to this text. It is never changed; the next one replaces it.

    ``number`` is that of the text it replaces: ``VersionConflict`` when somebody else published in between.
    """
    if not text_zh.strip():
        raise InvalidInput("text_zh", "Required")
    now = clock.now()
    terms = TermsView(
        number=number + 1,
        text_version=f"{now:%Y-%m-%d}.{number + 1}",
        text_zh=text_zh.strip(),
        text_en=text_en.strip(),
    )
    if number != (await current(door)).number or not await repository.add(
        door, terms_id=new_id(), terms=terms, actor_id=actor_id, now=now
    ):
        raise VersionConflict
    return terms
