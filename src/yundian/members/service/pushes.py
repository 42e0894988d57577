"""What WeChat tells of followers: kept once, and told to whoever cares."""

import uuid
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from yundian.members.events import (
    SubscriptionMessageEnded,
    SubscriptionTakenBack,
    TemplateMessageEnded,
    WeChatHappened,
)
from yundian.members.repository import people
from yundian.members.service import apps, joining
from yundian.members.types import IdentityKind, Known
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import new_id
from yundian.platform.db import directory
from yundian.platform.db.database import Database
from yundian.platform.outbox import outbox
from yundian.platform.wechat.errors import ReplayedPush
from yundian.platform.wechat.types import Push, PushKind, WeChatApp

_KEPT = frozenset({PushKind.SUBSCRIBE, PushKind.UNSUBSCRIBE, PushKind.SCAN})
_SCENE_LENGTH, _REF_LENGTH, _STATUS_LENGTH = 64, 64, 40
_TEMPLATE_ENDED = "templatesendjobfinish"
# Names of WeChat's events about subscription messages, and where the push has what it says of them.
_SUBSCRIPTION_ENDED = ("subscribe_msg_sent_event", "SubscribeMsgSentEvent")
_SUBSCRIPTION_CHANGED = ("subscribe_msg_change_event", "SubscribeMsgChangeEvent")
_MOST_SAID = 20


async def handshake(database: Database, *, keyring: Keyring, app_id: str, query: Mapping[str, str]) -> str:
    """The answer to WeChat's question whether this address is ours. ``WeChatAppUnknown``, ``BadPush``."""
    _, app = await _app(database, keyring, app_id)
    from yundian.platform.wechat import pushes  # noqa: PLC0415  wechatpy is loaded at the first push

    return pushes.echo(app, query)


async def take(
    database: Database,
    redis: Redis,
    *,
    keyring: Keyring,
    app_id: str,
    query: Mapping[str, str],
    body: bytes,
) -> None:
    """Verify, keep, and record ``members.wechat_happened.v1``; the same again changes nothing."""
    from yundian.platform.wechat import pushes  # noqa: PLC0415

    brand_id, app = await _app(database, keyring, app_id)
    try:
        push = await pushes.receive(redis, app, query, body)
    except ReplayedPush:
        return
    if push.event == _TEMPLATE_ENDED:
        await _tell_of_message(database, brand_id, push)
    elif push.event in (_SUBSCRIPTION_ENDED[0], _SUBSCRIPTION_CHANGED[0]):
        await _tell_of_subscriptions(database, keyring, brand_id, push)
    if push.kind not in _KEPT:
        return
    openid = joining.sealed(keyring, Known(IdentityKind.OPENID, push.openid, scope=app.app_id))
    event_id, scene = new_id(), push.scene[:_SCENE_LENGTH]
    async with database.connection(brand_id) as tx:
        is_new = await people.add_event(
            tx,
            event_id=event_id,
            app_id=app.app_id,
            ref_hash=keyring.blind_index("members.wechat_ref", _ref(push)),
            kind=push.kind.value,
            openid=openid,
            scene=scene,
            happened_at=push.created_at,
            now=clock.now(),
        )
        if is_new:
            member_id = await people.owner_of(tx, identity=openid)
            await outbox.record(
                tx,
                WeChatHappened(event_id=event_id, kind=push.kind.value, scene=scene, member_id=member_id),
            )


async def _tell_of_message(database: Database, brand_id: uuid.UUID, push: Push) -> None:
    ended = TemplateMessageEnded(
        app_id=push.app_id,
        message_ref=str(push.raw.get("MsgID") or "")[:_REF_LENGTH],
        status=str(push.raw.get("Status") or "")[:_STATUS_LENGTH],
    )
    async with database.connection(brand_id) as tx:
        await outbox.record(tx, ended)


async def _tell_of_subscriptions(database: Database, keyring: Keyring, brand_id: uuid.UUID, push: Push) -> None:
    """One push may speak of several templates."""
    openid = joining.sealed(keyring, Known(IdentityKind.OPENID, push.openid, scope=push.app_id))
    async with database.connection(brand_id) as tx:
        member_id = await people.owner_of(tx, identity=openid)
        if push.event == _SUBSCRIPTION_ENDED[0]:
            ended = [
                SubscriptionMessageEnded(
                    app_id=push.app_id,
                    template_id=_text(one, "TemplateId"),
                    message_ref=_text(one, "MsgID"),
                    error_code=_text(one, "ErrorCode")[:_STATUS_LENGTH],
                    member_id=member_id,
                )
                for one in _said(push, _SUBSCRIPTION_ENDED[1])
            ]
            await outbox.record(tx, *ended)
        elif member_id is not None:
            ref = keyring.blind_index("members.wechat_ref", _ref(push)).hex()[:_REF_LENGTH]
            back = [
                SubscriptionTakenBack(
                    app_id=push.app_id, template_id=_text(one, "TemplateId"), member_id=member_id, ref=ref
                )
                for one in _said(push, _SUBSCRIPTION_CHANGED[1])
                if _text(one, "SubscribeStatusString") == "reject"
            ]
            await outbox.record(tx, *back)


def _said(push: Push, name: str) -> list[Mapping[str, Any]]:
    """The entries of a push; one alone is no list in XML."""
    outer = push.raw.get(name)
    found = outer.get("List") if isinstance(outer, Mapping) else None
    entries = found if isinstance(found, list) else [found]
    return [one for one in entries if isinstance(one, Mapping)][:_MOST_SAID]


def _text(said: Mapping[str, Any], name: str) -> str:
    return str(said.get(name) or "")[:_REF_LENGTH]


async def forget_old(database: Database) -> None:
    """Delete codes, counts and used ways back that refuse nothing any more, brand by brand."""
    for brand in await directory.brand_ids(database):
        async with database.connection(brand) as tx:
            await people.purge(tx, now=clock.now())


def _ref(push: Push) -> str:
    """What WeChat says two times is about the same moment, person and event; two scans in one second differ."""
    return f"{push.ref}:{push.scene}"


async def _app(database: Database, keyring: Keyring, app_id: str) -> tuple[uuid.UUID, WeChatApp]:
    brand_id = await apps.brand_of_app(database, keyring=keyring, app_id=app_id)
    async with database.connection(brand_id) as tx:
        app = await apps.app_by_id(tx, keyring=keyring, settings=database.settings, app_id=app_id)
    return brand_id, app
