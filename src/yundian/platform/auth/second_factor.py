"""Setting up and removing the second factor of one's own account."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth import repository, rules, totp
from yundian.platform.auth.errors import SecondFactorOff, SecondFactorOn
from yundian.platform.auth.models import Account
from yundian.platform.auth.service import LOGIN
from yundian.platform.auth.types import Action, Enrolment
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import InvalidInput, NotFound

_ISSUER = "Yundian"


async def enrol(
    session: AsyncSession, *, keyring: Keyring, brand_id: uuid.UUID, account_id: uuid.UUID
) -> Enrolment:
    """A new secret to scan; nothing is asked for at sign-in until ``confirm``. Beginning again replaces it."""
    account = await _locked(session, brand_id, account_id)
    if account.is_totp_enabled:
        raise SecondFactorOn
    secret = totp.new_secret()
    account.totp_sealed = keyring.encrypt(totp.PURPOSE, secret)
    account.totp_last_step = 0
    await session.flush()
    return _enrolment(keyring, account, secret)


async def pending(
    session: AsyncSession, *, keyring: Keyring, brand_id: uuid.UUID, account_id: uuid.UUID
) -> Enrolment | None:
    """The set-up that was begun and not confirmed, to show its QR code again."""
    account = await repository.account(session, brand_id=brand_id, account_id=account_id)
    if account is None or account.is_totp_enabled or account.totp_sealed is None:
        return None
    return _enrolment(keyring, account, keyring.decrypt(totp.PURPOSE, account.totp_sealed))


async def confirm(
    session: AsyncSession, *, keyring: Keyring, brand_id: uuid.UUID, account_id: uuid.UUID, code: str
) -> list[str]:
    """Turn the second factor on with a first right code. Returns the recovery codes, shown once."""
    account = await _locked(session, brand_id, account_id)
    if account.is_totp_enabled:
        raise SecondFactorOn
    if account.totp_sealed is None:
        raise SecondFactorOff
    step = totp.matching_step(keyring.decrypt(totp.PURPOSE, account.totp_sealed), code, clock.now())
    if step is None:
        raise InvalidInput("code", "not the code shown now")
    account.is_totp_enabled = True
    account.totp_last_step = step
    codes = [totp.new_recovery_code() for _ in range(rules.RECOVERY_CODES)]
    hashes = [totp.recovery_hash(keyring, code) for code in codes]
    await repository.replace_recovery_codes(session, brand_id=brand_id, account_id=account_id, hashes=hashes)
    _note(session, account, Action.SECOND_FACTOR_ON)
    await session.flush()
    return codes


async def turn_off(session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID) -> None:
    """Remove the second factor and its recovery codes. The caller has confirmed the password."""
    account = await _locked(session, brand_id, account_id)
    if not account.is_totp_enabled:
        raise SecondFactorOff
    account.is_totp_enabled, account.totp_sealed = False, None
    await repository.replace_recovery_codes(session, brand_id=brand_id, account_id=account_id, hashes=[])
    _note(session, account, Action.SECOND_FACTOR_OFF)
    await session.flush()


async def _locked(session: AsyncSession, brand_id: uuid.UUID, account_id: uuid.UUID) -> Account:
    account = await repository.lock_account(session, brand_id=brand_id, account_id=account_id)
    if account is None:
        raise NotFound
    return account


def _enrolment(keyring: Keyring, account: Account, secret: str) -> Enrolment:
    login = keyring.decrypt(LOGIN, account.login_sealed)
    return Enrolment(uri=totp.provisioning_uri(secret, login=login, issuer=_ISSUER), secret=secret)


def _note(session: AsyncSession, account: Account, action: Action) -> None:
    repository.note(session, brand_id=account.brand_id, actor_id=account.id, action=action, subject_id=account.id)
