"""What members decide: consents for WeChat messages, and which classes of messages they want."""

import uuid
from collections import Counter
from collections.abc import Mapping

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.members import api as members
from yundian.members.types import AppKind, JoinedVia
from yundian.messaging.errors import AppNotSetUp
from yundian.messaging.repository import credits as repository
from yundian.messaging.repository import settings as settings_repository
from yundian.messaging.service import deciding
from yundian.messaging.types import Choice, ConsentAnswer, MessageClass, Subscription
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.db.database import Database
from yundian.platform.outbox.door import Door

# The text on the page where a member agrees; a new text has a new version, and needs a new consent.
MARKETING_TEXT = "marketing"
MARKETING_VERSION = "2026-11"
# Wanted until she says no; about her own orders she cannot say no.
_DEFAULTS = {MessageClass.ORDER: True, MessageClass.APPOINTMENT: True, MessageClass.MARKETING: False}


async def choices_of(door: Door, *, member_id: uuid.UUID) -> list[Choice]:
    """Every class, as the member wants it."""
    found = await settings_repository.choices(door, ids=[member_id])
    agreed = await members.agreed(door, ids=[member_id], document=MARKETING_TEXT, text_version=MARKETING_VERSION)
    choices = []
    for message_class, default in _DEFAULTS.items():
        is_allowed, decided_at = found.get((member_id, message_class), (default, None))
        if message_class is MessageClass.MARKETING and not agreed:
            is_allowed = False
        choices.append(
            Choice(
                message_class=message_class,
                is_allowed=is_allowed,
                is_free=message_class is not MessageClass.ORDER,
                decided_at=decided_at,
            )
        )
    return choices


async def choose(
    door: Door, *, member_id: uuid.UUID, message_class: MessageClass, is_allowed: bool, via: JoinedVia
) -> None:
    """The member wants this class, or not, from now on: a message that waits is looked at again when it is due."""
    if message_class is MessageClass.ORDER:
        raise InvalidInput("message_class", "Messages about your own orders belong to the service")
    if message_class is MessageClass.MARKETING and is_allowed:
        await members.agree(
            door, member_id=member_id, document=MARKETING_TEXT, text_version=MARKETING_VERSION, via=via
        )
    await settings_repository.choose(
        door,
        member_id=member_id,
        message_class=message_class,
        is_allowed=is_allowed,
        text_version=MARKETING_VERSION,
        via=via.value,
        now=clock.now(),
    )


async def gain_credits(
    session: AsyncSession,
    *,
    database: Database,
    brand_id: uuid.UUID,
    member_id: uuid.UUID,
    reference: uuid.UUID,
    results: Mapping[str, ConsentAnswer],
) -> list[Subscription]:
    """What WeChat's dialogue said: one consent for each template that was accepted, once per ``reference``.

    Templates that the brand does not use are passed over. ``AppNotSetUp`` when it has no mini program.
    """
    app_id = await _app_id(database, brand_id)
    known = {one.mini_template_id for one in await deciding.list_templates(session, brand_id=brand_id)}
    accepted = {
        template_id
        for template_id, said in results.items()
        if said is ConsentAnswer.ACCEPT and template_id in known and template_id
    }
    await repository.gain(
        session,
        member_id=member_id,
        app_id=app_id,
        template_ids=sorted(accepted),
        reference=str(reference),
        now=clock.now(),
    )
    return await subscriptions(session, database=database, brand_id=brand_id, member_id=member_id)


async def subscriptions(
    session: AsyncSession, *, database: Database, brand_id: uuid.UUID, member_id: uuid.UUID
) -> list[Subscription]:
    """The templates a page may ask consent for; none while the mini program is not set up."""
    try:
        app_id = await _app_id(database, brand_id)
    except AppNotSetUp:
        return []
    left = await repository.credits_of(session, member_id=member_id)
    return [
        Subscription(
            app_id=app_id,
            template_id=template.mini_template_id,
            code=template.code,
            credits=left.get((app_id, template.mini_template_id), 0),
        )
        for template in await deciding.list_templates(session, brand_id=brand_id)
        if template.mini_template_id and template.is_enabled
    ]


async def consents_of(session: AsyncSession, *, brand_id: uuid.UUID, member_id: uuid.UUID) -> dict[str, int]:
    """How many messages of which template she may still get in the mini program, by the template's code."""
    left: Counter[str] = Counter()
    for (_app, template_id), number in (await repository.credits_of(session, member_id=member_id)).items():
        left[template_id] += number
    templates = await deciding.list_templates(session, brand_id=brand_id)
    return {one.code: left[one.mini_template_id] for one in templates if left[one.mini_template_id]}


async def _app_id(database: Database, brand_id: uuid.UUID) -> str:
    app = await members.app_of_brand(database, keyring=database.keyring, brand_id=brand_id, kind=AppKind.MINI)
    if app is None:
        raise AppNotSetUp
    return app.app_id
