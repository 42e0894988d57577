"""Signing in through WeChat: a browser's trip to its page and back, and the mini program's code."""

import datetime as dt
import hmac
import uuid
from dataclasses import dataclass, field

import msgspec

from yundian.members import rules
from yundian.members.errors import SignInExpired
from yundian.members.repository import people
from yundian.members.service import apps, joining, reaching
from yundian.members.service.sealing import seal, unseal
from yundian.members.types import AppKind, IdentityKind, JoinedVia, Known
from yundian.platform.auth import api as auth
from yundian.platform.auth.types import Client, CustomerSignedIn
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import secret_token, token_hash
from yundian.platform.db.database import Database
from yundian.platform.wechat.client import WeChatAppClient, WeChatApps
from yundian.platform.wechat.types import Scope, WebProfile, WeChatApp

_TRIP = "members.trip"


class Trip(msgspec.Struct, frozen=True, kw_only=True):
    """A browser on its way to WeChat. ``member_id``: who is signed in and wants to bind her account."""

    brand_id: uuid.UUID
    state: str
    scope: Scope
    next: str
    member_id: uuid.UUID | None
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and what it carries in a cookie."""

    url: str
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came back, and where she wanted to go; no session when she was signed in and bound her account."""

    signed_in: CustomerSignedIn | None
    next: str


def depart(
    client: WeChatAppClient,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    redirect_uri: str,
    scope: Scope,
    next_path: str,
    member_id: uuid.UUID | None,
) -> Departure:
    """Begin: the state is known to this browser and to nobody else."""
    trip = Trip(
        brand_id=brand_id,
        state=secret_token(),
        scope=scope,
        next=next_path,
        member_id=member_id,
        expires_at=clock.now() + rules.WECHAT_TRIP,
    )
    url = client.authorize_url(redirect_uri=redirect_uri, scope=scope, state=trip.state)
    return Departure(url, seal(keyring, _TRIP, trip))


def trip_of(keyring: Keyring, *, brand_id: uuid.UUID, cookie: str, state: str) -> Trip:
    """The trip that this browser began; ``SignInExpired`` when it began none, another, or too long ago."""
    trip = unseal(keyring, _TRIP, cookie, Trip)
    if trip is None or trip.brand_id != brand_id or trip.expires_at <= clock.now():
        raise SignInExpired
    if not hmac.compare_digest(trip.state.encode(), state.encode()):
        raise SignInExpired
    return trip


async def arrive(
    database: Database,
    *,
    keyring: Keyring,
    wechat: WeChatAppClient,
    trip: Trip,
    code: str,
    member_id: uuid.UUID | None,
    client: Client,
) -> Arrival:
    """End the trip: a member is found or made and signed in, or the account is bound to who is signed in.

    ``SignInExpired`` for a state that was used; ``LoginCodeRejected`` for a code that WeChat does not take.
    WeChat is asked between two transactions.
    """
    async with database.connection(trip.brand_id) as tx:
        if not await people.use_state(tx, state_hash=token_hash(trip.state), now=clock.now()):
            raise SignInExpired
    identity = await wechat.identify(code)
    profile = await wechat.profile(identity) if trip.scope is Scope.CONSENT else None
    unionid = identity.unionid or (profile.unionid if profile else "")
    proven = _proven(wechat.app, identity.openid, unionid)
    if trip.member_id is not None:
        if trip.member_id != member_id:
            raise SignInExpired
        await _bind(database, keyring=keyring, trip=trip, member_id=member_id, proven=proven, profile=profile)
        return Arrival(None, trip.next)
    async with database.connection(trip.brand_id) as tx:
        member = await joining.find_or_join(tx, keyring=keyring, proven=proven, via=JoinedVia.WECHAT)
        if profile is not None:
            await joining.name_member(
                tx, member_id=member, nickname=profile.nickname, picture_url=profile.picture_url
            )
        if client.locale:
            await reaching.speak(tx, member_id=member, locale=client.locale, is_guess=True)
        signed_in = await auth.open_customer_session(
            tx, keyring=keyring, brand_id=trip.brand_id, member_id=member, client=client
        )
    return Arrival(signed_in, trip.next)


async def sign_in_mini(
    database: Database, *, keyring: Keyring, wechat_apps: WeChatApps, app_id: str, code: str, client: Client
) -> CustomerSignedIn:
    """The mini program's login code for a session. ``WeChatAppUnknown``, ``LoginCodeRejected``."""
    brand_id = await apps.brand_of_app(database, keyring=keyring, app_id=app_id)
    app = await _mini(database, keyring, brand_id, app_id)
    session = await wechat_apps.of(app).code_to_session(code)
    proven = _proven(app, session.openid, session.unionid)
    async with database.connection(brand_id) as tx:
        member = await joining.find_or_join(tx, keyring=keyring, proven=proven, via=JoinedVia.MINI_PROGRAM)
        return await auth.open_customer_session(
            tx, keyring=keyring, brand_id=brand_id, member_id=member, client=client
        )


async def bind_mini_phone(
    database: Database,
    *,
    keyring: Keyring,
    wechat_apps: WeChatApps,
    brand_id: uuid.UUID,
    member_id: uuid.UUID,
    app_id: str,
    code: str,
) -> None:
    """The phone that a person handed over in the mini program; WeChat has verified it."""
    app = await _mini(database, keyring, brand_id, app_id)
    phone = rules.checked_phone(await wechat_apps.of(app).phone_number(code))
    async with database.connection(brand_id) as tx:
        await joining.bind_phone(tx, keyring=keyring, member_id=member_id, phone=phone)


async def _mini(database: Database, keyring: Keyring, brand_id: uuid.UUID, app_id: str) -> WeChatApp:
    async with database.connection(brand_id) as tx:
        return await apps.app_by_id(
            tx, keyring=keyring, settings=database.settings, app_id=app_id, kind=AppKind.MINI
        )


async def _bind(
    database: Database,
    *,
    keyring: Keyring,
    trip: Trip,
    member_id: uuid.UUID,
    proven: list[Known],
    profile: WebProfile | None,
) -> None:
    async with database.connection(trip.brand_id) as tx:
        await joining.bind_wechat(tx, keyring=keyring, member_id=member_id, proven=proven)
        if profile is not None:
            await joining.name_member(
                tx, member_id=member_id, nickname=profile.nickname, picture_url=profile.picture_url
            )


def _proven(app: WeChatApp, openid: str, unionid: str) -> list[Known]:
    proven = [Known(IdentityKind.OPENID, openid, scope=app.app_id)]
    return [*proven, Known(IdentityKind.UNIONID, unionid)] if unionid else proven
