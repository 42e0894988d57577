"""Signing in and out. Each try is counted before the password is looked at, in a transaction of its own."""

import dataclasses
import datetime as dt
import hmac
import uuid
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth import passwords, repository, rules, totp
from yundian.platform.auth.customers import repository as customers
from yundian.platform.auth.errors import CodeRequired, SignInLocked, WrongCredentials
from yundian.platform.auth.models import StaffSession
from yundian.platform.auth.service import LOGIN, login_hash
from yundian.platform.auth.tokens import decoded, encoded, session_token
from yundian.platform.auth.types import Client, SessionView, SignedIn
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import InvalidInput, NotFound
from yundian.platform.core.ids import new_id, secret_token, token_hash
from yundian.platform.db import directory
from yundian.platform.db.database import Database, Tx

# Logins that nobody has are counted under this brand, which does not exist: they lock and answer like the others.
NOBODY = uuid.UUID(int=0)

_TICKET = "auth.ticket"


class _Ticket(msgspec.Struct, frozen=True):
    """The password was right; what is left is the second factor. Sealed, and short-lived."""

    brand_id: uuid.UUID
    login_hash: bytes
    password_mark: bytes
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class _Proven:
    """An account whose password was right."""

    brand_id: uuid.UUID
    login_hash: bytes
    account_id: uuid.UUID
    verified_hash: str
    new_hash: str
    must_change_password: bool
    totp_sealed: bytes | None


async def sign_in(
    database: Database, *, keyring: Keyring, login: str, password: str, code: str | None, client: Client
) -> SignedIn:
    """A new session for the right login and password (and code, where the account has a second factor).

    ``WrongCredentials`` for anything wrong, ``SignInLocked`` after too many tries, ``CodeRequired`` with a
    ticket for ``confirm_code`` when only the code is missing.
    """
    key = rules.normalised_login(login)
    async with database.unit_of_work(None) as session:
        brand = await directory.find_brand(session, keyring=keyring, kind=LOGIN, key=key)
    proven = await _check_password(
        database, brand_id=brand or NOBODY, hashed_login=login_hash(keyring, key), password=password
    )
    if proven.totp_sealed is not None and not code:
        raise CodeRequired(ticket=_sealed_ticket(keyring, proven))
    return await _open_session(database, keyring=keyring, proven=proven, code=code, client=client)


async def confirm_code(
    database: Database, *, keyring: Keyring, ticket: str, code: str, client: Client
) -> SignedIn:
    """The second step. A wrong code counts like a wrong password; an old ticket starts again."""
    opened = _opened_ticket(keyring, ticket)
    if opened is None or opened.expires_at <= clock.now():
        raise WrongCredentials
    account = await _count_try(database, brand_id=opened.brand_id, hashed_login=opened.login_hash)
    if account is None or not hmac.compare_digest(_mark(keyring, account.verified_hash), opened.password_mark):
        raise WrongCredentials
    return await _open_session(database, keyring=keyring, proven=account, code=code, client=client)


async def confirm_password(
    database: Database, *, brand_id: uuid.UUID, account_id: uuid.UUID, password: str
) -> None:
    """Ask a signed-in person for her password again. Wrong tries count as at the sign-in, so that a stolen
    session is no way to guess; ``InvalidInput`` names the field ``current_password``."""
    async with database.connection(brand_id) as tx:
        hashed_login = await repository.login_hash_of(tx, account_id=account_id)
    try:
        await _check_password(database, brand_id=brand_id, hashed_login=hashed_login, password=password)
    except WrongCredentials:
        raise InvalidInput("current_password", "this is not your current password") from None
    async with database.connection(brand_id) as tx:
        await repository.forget_tries(tx, login_hash=hashed_login)


async def sign_out(database: Database, *, token: str) -> None:
    """End the session of this token; unknown ones are ignored."""
    parsed = session_token(token)
    if parsed is not None:
        async with database.connection(parsed.brand_id) as tx:
            await repository.revoke_token(tx, token_hash=token_hash(parsed.secret), now=clock.now())


async def list_sessions(
    session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID, current_id: uuid.UUID | None
) -> list[SessionView]:
    """Where the account is signed in, newest first."""
    rows = await repository.live_sessions(session, brand_id=brand_id, account_id=account_id, now=clock.now())
    return [
        SessionView(
            id=row.id,
            created_at=row.created_at,
            expires_at=row.expires_at,
            user_agent=row.user_agent,
            is_current=row.id == current_id,
        )
        for row in rows
    ]


async def end_session(
    session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID, session_id: uuid.UUID
) -> None:
    """End one of one's own sessions; ``NotFound`` for anybody else's."""
    if not await repository.revoke_sessions(session, brand_id=brand_id, account_id=account_id, only=session_id):
        raise NotFound


async def end_all_sessions(session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID) -> int:
    """Sign out everywhere, here included."""
    return await repository.revoke_sessions(session, brand_id=brand_id, account_id=account_id)


async def forget_old(database: Database) -> None:
    """Delete what ended long ago, brand by brand."""
    for brand in [NOBODY, *await directory.brand_ids(database)]:
        async with database.connection(brand) as tx:
            await repository.purge(tx, now=clock.now())
            await customers.purge(tx, now=clock.now())


async def _check_password(
    database: Database, *, brand_id: uuid.UUID, hashed_login: bytes, password: str
) -> _Proven:
    account = await _count_try(database, brand_id=brand_id, hashed_login=hashed_login)
    known = account.verified_hash if account else passwords.DUMMY_HASH
    is_right = await passwords.verify(known, password)
    if account is None or not is_right:
        raise WrongCredentials
    if not passwords.is_outdated(known):
        return account
    return dataclasses.replace(account, new_hash=await passwords.hashed(password))


async def _count_try(database: Database, *, brand_id: uuid.UUID, hashed_login: bytes) -> _Proven | None:
    """The account if the login exists; ``SignInLocked`` when it may not try now. The same work either way."""
    now = clock.now()
    async with database.connection(brand_id) as tx:
        locked_until = await repository.claim_try(
            tx, login_hash=hashed_login, now=now, max_tries=rules.MAX_TRIES, lock=rules.LOCK
        )
        row = await repository.account_for_sign_in(tx, login_hash=hashed_login)
    if locked_until is not None:
        raise SignInLocked(retry_after_s=max(1, int((locked_until - now).total_seconds())))
    if row is None:
        return None
    return _Proven(
        brand_id=brand_id,
        login_hash=hashed_login,
        account_id=row["id"],
        verified_hash=row["password_hash"],
        new_hash=row["password_hash"],
        must_change_password=row["must_change_password"],
        totp_sealed=row["totp_sealed"] if row["is_totp_enabled"] else None,
    )


async def _open_session(
    database: Database, *, keyring: Keyring, proven: _Proven, code: str | None, client: Client
) -> SignedIn:
    now = clock.now()
    async with database.connection(proven.brand_id) as tx:
        if proven.totp_sealed is not None:
            await _use_code(tx, keyring=keyring, proven=proven, code=code or "", now=now)
        is_confirmed = await repository.confirm_sign_in(
            tx,
            account_id=proven.account_id,
            verified_hash=proven.verified_hash,
            new_hash=proven.new_hash,
            now=now,
        )
        if not is_confirmed:
            raise WrongCredentials
        await repository.forget_tries(tx, login_hash=proven.login_hash)
        return await _start(tx, keyring=keyring, proven=proven, client=client, now=now)


async def _use_code(tx: Tx, *, keyring: Keyring, proven: _Proven, code: str, now: dt.datetime) -> None:
    step = totp.matching_step(keyring.decrypt(totp.PURPOSE, proven.totp_sealed or b""), code, now)
    if step is not None and await repository.use_step(tx, account_id=proven.account_id, step=step):
        return
    hashed = totp.recovery_hash(keyring, code)
    if step is None and await repository.use_recovery_code(
        tx, account_id=proven.account_id, code_hash=hashed, now=now
    ):
        return
    raise WrongCredentials


async def _start(tx: Tx, *, keyring: Keyring, proven: _Proven, client: Client, now: dt.datetime) -> SignedIn:
    """Always a new token, and the old one of this browser ends: nothing to fixate."""
    old = session_token(client.old_token)
    if old is not None and old.brand_id == proven.brand_id:
        await repository.revoke_token(tx, token_hash=token_hash(old.secret), now=now)
    secret = secret_token()
    session = StaffSession(
        brand_id=proven.brand_id,
        id=new_id(),
        created_at=now,
        token_hash=token_hash(secret),
        account_id=proven.account_id,
        expires_at=now + rules.SESSION_IDLE,
        ends_at=now + rules.SESSION_LIFE,
        ip_hash=keyring.blind_index("ip", client.ip),
        user_agent=rules.shown_user_agent(client.user_agent),
    )
    await repository.add_session(tx, session=session)
    return SignedIn(
        token=f"{encoded(proven.brand_id)}.{secret}",
        brand_id=proven.brand_id,
        account_id=proven.account_id,
        must_change_password=proven.must_change_password,
        ends_at=session.ends_at,
    )


def _sealed_ticket(keyring: Keyring, proven: _Proven) -> str:
    ticket = _Ticket(
        brand_id=proven.brand_id,
        login_hash=proven.login_hash,
        password_mark=_mark(keyring, proven.verified_hash),
        expires_at=clock.now() + rules.TICKET_LIFE,
    )
    return encoded(keyring.encrypt(_TICKET, msgspec.json.encode(ticket).decode()))


def _opened_ticket(keyring: Keyring, ticket: str) -> _Ticket | None:
    raw = decoded(ticket)
    if raw is None:
        return None
    try:
        return msgspec.json.decode(keyring.decrypt(_TICKET, raw), type=_Ticket)
    except (InvalidTag, ValueError, msgspec.MsgspecError):
        return None


def _mark(keyring: Keyring, password_hash: str) -> bytes:
    """Tells whether the password is still the one that was right, without carrying its hash around."""
    return keyring.blind_index("auth.mark", password_hash)
