"""Making links, opening them, ending them."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from yundian.attribution.errors import BadTarget, LinkUnknown
from yundian.attribution.repository import links as rows
from yundian.attribution.repository import touches
from yundian.attribution.repository.touches import Touched
from yundian.attribution.rules import (
    TOKEN_LENGTH,
    is_customers_page,
    is_local_path,
    moment_of,
    normalised_token,
    scan_visitor,
)
from yundian.attribution.types import AgentClass, Channel, LinkNumbers, LinkTarget, LinkView, Scan, TouchKind
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db import directory
from yundian.platform.db.database import Database, Tx
from yundian.platform.db.directory import DirectoryTaken, find_brand
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox.door import Door

DIRECTORY_KIND = "link"
PAGE = "page"
KEEP_TOUCHES = dt.timedelta(days=400)
_FORGET_AT_ONCE = 5_000


class KnownTokens:
    """Which brand a token belongs to, once it was found: that never changes. Newest few only."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._brands: dict[str, uuid.UUID] = {}

    def get(self, token: str) -> uuid.UUID | None:
        return self._brands.get(token)

    def add(self, token: str, brand_id: uuid.UUID) -> None:
        while len(self._brands) >= self._size:
            del self._brands[next(iter(self._brands))]
        self._brands[token] = brand_id


@lru_cache(maxsize=8)
def known_tokens(_database: Database) -> KnownTokens:
    """One memory for each database that this process speaks to."""
    return KnownTokens()


async def brand_of_token(database: Database, *, keyring: Keyring, token: str) -> uuid.UUID:
    """Whose link it is; ``LinkUnknown`` for no link at all."""
    token, memory = normalised_token(token), known_tokens(database)
    known = memory.get(token)
    if known is not None:
        return known
    if len(token) != TOKEN_LENGTH:
        raise LinkUnknown
    async with database.unit_of_work(None) as session:
        found = await find_brand(session, keyring=keyring, kind=DIRECTORY_KIND, key=token)
    if found is None:
        raise LinkUnknown
    memory.add(token, found)
    return found


async def resolve(database: Database, *, keyring: Keyring, token: str) -> LinkView:
    """The link behind a token, whatever became of it; ``LinkUnknown``."""
    brand_id = await brand_of_token(database, keyring=keyring, token=token)
    token = normalised_token(token)
    async with database.connection(brand_id) as tx:
        found = await rows.by_token(tx, token=token)
    if found is None:
        raise LinkUnknown
    return found


async def find_link(door: Door, *, link_id: uuid.UUID) -> LinkView | None:
    """The link by its id, whatever became of it."""
    return await rows.link(door, link_id=link_id)


async def open_link(
    database: Database,
    *,
    brand_id: uuid.UUID,
    token: str,
    visitor: bytes | None,
    agent: AgentClass,
    member_id: uuid.UUID | None = None,
    own_shop_ids: frozenset[uuid.UUID] = frozenset(),
) -> Touched:
    """The link behind the token, and the touch on it, in one statement. ``LinkUnknown``."""
    async with database.connection(brand_id) as tx:
        found = await touches.open_link(
            tx,
            token=normalised_token(token),
            visitor=visitor,
            member_id=member_id,
            kind=TouchKind.OPEN,
            # As checkouts do: a web machine whose clock is fast would take the shop's orders of the next minutes.
            at=clock.house(),
            agent=agent,
            own_shop_ids=own_shop_ids,
        )
    if found is None:
        raise LinkUnknown
    return found


async def note_scans(tx: Tx, *, scans: Sequence[Scan]) -> int:
    """Keep the scans whose scene is a token of the brand; how many."""
    found = 0
    for scan in scans:
        token = normalised_token(scan.scene)
        if len(token) != TOKEN_LENGTH:
            continue
        touched = await touches.open_link(
            tx,
            token=token,
            visitor=scan_visitor(scan.event_id),
            member_id=scan.member_id,
            kind=TouchKind.SCAN,
            at=moment_of(scan.event_id),
            agent=AgentClass.WECHAT,
            own_shop_ids=frozenset(),
        )
        found += touched is not None
    return found


async def claim_scans(tx: Tx, *, owners: Mapping[uuid.UUID, uuid.UUID]) -> int:
    """Scans (by their event) turned out to be members'; how many touches are theirs now."""
    if not owners:
        return 0
    members = {scan_visitor(event_id): member_id for event_id, member_id in owners.items()}
    return await touches.bind_visitors(tx, members=members)


async def make_link(
    door: Door,
    *,
    keyring: Keyring,
    target: LinkTarget,
    shop_id: uuid.UUID | None,
    channel: Channel,
    staff_id: uuid.UUID | None = None,
    parent_link_id: uuid.UUID | None = None,
    sharer_member_id: uuid.UUID | None = None,
) -> LinkView:
    """The one live link of this shop, person, target and channel; its snapshot brought up to date.

    Raises:
        BadTarget: the target is no page of this site.
    """
    if not is_local_path(target.target_path):
        raise BadTarget
    token = readable_code(TOKEN_LENGTH)
    values = {
        "id": new_id(),
        "created_at": clock.now(),
        "token": token,
        "shop_id": shop_id,
        "staff_id": staff_id,
        "kind": target.kind.value,
        "target_type": target.target_type,
        "target_id": target.target_id,
        "target_path": target.target_path,
        "campaign_id": target.campaign_id,
        "channel": channel.value,
        "parent_link_id": parent_link_id,
        "sharer_member_id": sharer_member_id,
        "title": target.title[:120],
        "picture": target.picture,
        "price_minor": target.price_minor,
        "currency": target.currency,
        "expires_at": target.expires_at,
    }
    key_hash = keyring.blind_index(DIRECTORY_KIND, token)
    made, is_found = await rows.put_link(door, values=values, key_hash=key_hash)
    if not is_found:
        raise DirectoryTaken(kind=DIRECTORY_KIND)
    return made


async def share_onward(
    door: Door,
    *,
    keyring: Keyring,
    parent: LinkView,
    member_id: uuid.UUID,
    target: LinkTarget | None = None,
) -> LinkView:
    """The link by which a customer passes on what she came by: the shop, its person and campaign stay."""
    return await make_link(
        door,
        keyring=keyring,
        target=target or target_of(parent),
        shop_id=parent.shop_id,
        staff_id=parent.staff_id,
        channel=Channel.ONWARD,
        parent_link_id=parent.id,
        sharer_member_id=member_id,
    )


async def share_page(
    door: Door, *, keyring: Keyring, parent: LinkView, member_id: uuid.UUID | None, path: str
) -> LinkView | None:
    """The link to the page that somebody shares, which may be another than she came to: a group of the campaign.

    Who has no account shares the link she came by, if it leads there; ``None``: there is no link to share.
    """
    target = target_of(parent)
    leads_there = path == parent.target_path.partition("?")[0].partition("#")[0]
    if not leads_there:
        if member_id is None or not is_customers_page(path):
            return None
        page_id = uuid.uuid5(parent.target_id, path)
        target = msgspec.structs.replace(target, target_type=PAGE, target_id=page_id, target_path=path)
    elif member_id is None or member_id == parent.sharer_member_id:
        return parent
    return await share_onward(door, keyring=keyring, parent=parent, member_id=member_id, target=target)


def target_of(link: LinkView) -> LinkTarget:
    """Where a link leads."""
    return LinkTarget(**{name: getattr(link, name) for name in LinkTarget.__struct_fields__})


async def list_links(
    door: Door,
    *,
    shop_id: uuid.UUID,
    staff_id: uuid.UUID | None = None,
    is_everybodys: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[LinkNumbers]:
    """The shop's live links, the newest first, with what came of each; of people's own, one's or all."""
    before = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    found = await rows.with_numbers(
        door,
        shop_id=shop_id,
        staff_id=staff_id,
        is_everybodys=is_everybodys,
        before=before,
        limit=limit + 1,
    )
    items = [LinkNumbers(link=link, opens=o, orders=n, sales_minor=s) for link, o, n, s in found]
    page, next_cursor = cut(items, limit, lambda one: (one.link.id,))
    return Page(page, next_cursor)


async def see_own_link(
    door: Door,
    *,
    link_id: uuid.UUID,
    shop_ids: frozenset[uuid.UUID],
    owned_shop_ids: frozenset[uuid.UUID],
    staff_id: uuid.UUID | None,
) -> LinkNumbers:
    """A live link of one of these shops; another person's own only where the caller owns the shop."""
    found = await rows.link(door, link_id=link_id)
    if found is None or found.shop_id is None or found.shop_id not in shop_ids:
        raise LinkUnknown
    is_owner = found.shop_id in owned_shop_ids
    numbers = await rows.with_numbers(
        door, shop_id=found.shop_id, staff_id=staff_id, is_everybodys=is_owner, only=link_id
    )
    if not numbers:
        raise LinkUnknown
    link, opens, orders, sales = numbers[0]
    return LinkNumbers(link=link, opens=opens, orders=orders, sales_minor=sales)


async def revoke_link(door: Door, *, link_id: uuid.UUID) -> bool:
    """End a link and what was shared onward from it; whether it was live. Who came before keeps counting."""
    return await rows.revoke(door, link_id=link_id, now=clock.now()) > 0


async def forget_old(database: Database) -> None:
    """Delete touches that no decision can need any more, brand by brand, a piece at a time."""
    for brand in await directory.brand_ids(database):
        async with database.connection(brand) as tx:
            await touches.forget(tx, before=clock.now() - KEEP_TOUCHES, limit=_FORGET_AT_ONCE)
