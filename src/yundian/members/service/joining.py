"""Who is this? Members found by what they proved, or made; more identities bound to them."""

import uuid
from collections.abc import Sequence

import structlog

from yundian.members import rules
from yundian.members.errors import MemberClosed, PhoneBound, PhoneTaken, WeChatTaken
from yundian.members.events import IdentityVerified, MemberJoined
from yundian.members.events import PhoneBound as PhoneBoundEvent
from yundian.members.repository import people
from yundian.members.repository.people import Sealed
from yundian.members.rules import STRENGTH
from yundian.members.service import terms, twins
from yundian.members.states import MemberStatus
from yundian.members.types import IdentityKind, JoinedVia, Known, MemberView
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring, mask_phone
from yundian.platform.core.errors import NotFound, Unavailable
from yundian.platform.db.database import Tx
from yundian.platform.outbox import outbox

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.members")


def hash_of(keyring: Keyring, known: Known) -> bytes:
    """What an identity is found by, without its value: keyed, and of its kind and scope too."""
    return keyring.blind_index(f"members.{known.kind.value}:{known.scope}", known.value)


def sealed(keyring: Keyring, known: Known) -> Sealed:
    """An identity as it is stored."""
    return Sealed(
        kind=known.kind,
        scope=known.scope,
        value_hash=hash_of(keyring, known),
        value_sealed=keyring.encrypt(f"members.{known.kind.value}", known.value),
    )


async def find_or_join(tx: Tx, *, keyring: Keyring, proven: Sequence[Known], via: JoinedVia) -> uuid.UUID:
    """The member who proved these identities, made if nobody has any of them. Records ``members.joined.v1``, and
    ``members.identity_verified.v1`` for each that nobody had.

    An openid or phone that is known decides; a unionid finds the member of another app. What belongs to somebody
    else stays there: whether both are one person is not decided by a sign-in. ``MemberClosed`` for closed ones.
    """
    identities = sorted((sealed(keyring, each) for each in proven), key=lambda i: STRENGTH.index(i.kind))
    owners = await _owners(tx, identities)
    if not owners:
        joined = await people.join(tx, identity=identities[0], via=via, now=clock.now())
        if joined is not None:
            await outbox.record(
                tx, MemberJoined(member_id=joined, via=via.value), _verified(joined, identities[0])
            )
            owners = {identities[0].kind: joined}
        else:
            # Somebody with the same identity was a moment faster, and has committed.
            owners = await _owners(tx, identities)
    if not owners:
        raise Unavailable
    # What is one app's or one phone's own is nearer than a unionid.
    member_id = next(owners[kind] for kind in reversed(STRENGTH) if kind in owners)
    for identity in identities:
        if identity.kind not in owners:
            await _attach(tx, member_id, identity)
        elif owners[identity.kind] != member_id:
            log.info("members.seen_twice", kind=identity.kind.value, member_id=str(member_id))
    await twins.note(tx, seen=[[member_id, *owners.values()]])
    return member_id


async def bind_phone(tx: Tx, *, keyring: Keyring, member_id: uuid.UUID, phone: str) -> None:
    """The member proved that the phone is hers. Records ``members.phone_bound.v1`` and
    ``members.identity_verified.v1``; again changes nothing.

    ``PhoneTaken`` when it is another member's, ``PhoneBound`` when she has another one.
    """
    identity = sealed(keyring, Known(IdentityKind.PHONE, phone))
    await _lock(tx, member_id)
    own = await people.phone_hashes(tx, member_id=member_id)
    if identity.value_hash in own:
        return
    if own:
        raise PhoneBound
    if not await _attach(tx, member_id, identity):
        raise PhoneTaken
    await outbox.record(tx, PhoneBoundEvent(member_id=member_id))


async def bind_wechat(tx: Tx, *, keyring: Keyring, member_id: uuid.UUID, proven: Sequence[Known]) -> None:
    """The member proved that a WeChat account is hers; ``WeChatTaken`` when it is another member's. Records
    ``members.identity_verified.v1`` for what is new."""
    await _lock(tx, member_id)
    for known in proven:
        identity = sealed(keyring, known)
        if await _attach(tx, member_id, identity):
            continue
        if await people.owner_of(tx, identity=identity) != member_id:
            raise WeChatTaken


async def name_member(tx: Tx, *, member_id: uuid.UUID, nickname: str, picture_url: str) -> None:
    """What WeChat calls her, with her consent."""
    await people.name_member(
        tx,
        member_id=member_id,
        nickname=rules.shown_nickname(nickname),
        picture_url=rules.kept_picture(picture_url),
        now=clock.now(),
    )


async def agree(tx: Tx, *, member_id: uuid.UUID, via: JoinedVia) -> None:
    """The member agreed to the terms as they stand."""
    text = await terms.current(tx)
    await people.add_consent(
        tx, member_id=member_id, document=rules.TERMS, text_version=text.text_version, via=via, now=clock.now()
    )


async def agree_again(tx: Tx, *, member_id: uuid.UUID) -> None:
    """The same on a page of her own; recorded with the way she joined."""
    text = await terms.current(tx)
    row = await people.member(tx, member_id=member_id, document=rules.TERMS, text_version=text.text_version)
    if row is None:
        raise NotFound
    await agree(tx, member_id=member_id, via=JoinedVia(row["joined_via"]))


async def member_view(tx: Tx, *, keyring: Keyring, member_id: uuid.UUID) -> MemberView:
    """A member as she sees herself."""
    text = await terms.current(tx)
    row = await people.member(tx, member_id=member_id, document=rules.TERMS, text_version=text.text_version)
    if row is None:
        raise NotFound
    phone = row["phone_sealed"]
    return MemberView(
        id=row["id"],
        nickname=row["nickname"],
        picture_url=row["picture_url"],
        phone=None if phone is None else mask_phone(keyring.decrypt("members.phone", phone)),
        has_wechat=row["has_wechat"],
        has_agreed=row["has_agreed"],
        joined_via=JoinedVia(row["joined_via"]),
        created_at=row["created_at"],
    )


async def _owners(tx: Tx, identities: Sequence[Sealed]) -> dict[IdentityKind, uuid.UUID]:
    """Whose each identity is. A closed member does not come back by signing in."""
    rows = await people.owners(tx, identities=identities)
    if any(MemberStatus(row["status"]) is not MemberStatus.ACTIVE for row in rows):
        raise MemberClosed
    return {IdentityKind(row["kind"]): row["member_id"] for row in rows}


async def _attach(tx: Tx, member_id: uuid.UUID, identity: Sealed) -> bool:
    """Whether nobody had the identity; then it is told."""
    is_new = await people.attach(tx, member_id=member_id, identity=identity, now=clock.now())
    if is_new:
        await outbox.record(tx, _verified(member_id, identity))
    return is_new


def _verified(member_id: uuid.UUID, identity: Sealed) -> IdentityVerified:
    return IdentityVerified(
        member_id=member_id,
        kind=identity.kind.value,
        scope=identity.scope,
        value_hash=identity.value_hash.hex(),
    )


async def _lock(tx: Tx, member_id: uuid.UUID) -> None:
    status = await people.lock_member(tx, member_id=member_id)
    if status is None:
        raise NotFound
    if status is not MemberStatus.ACTIVE:
        raise MemberClosed
