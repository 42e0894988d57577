"""What words in other systems' files are remembered to mean: listed, and forgotten."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import words
from appointments.repository.words import FIRST, NOWHERE, Kept, Word
from appointments.rules.words import known_as
from appointments.service import setup
from stores import api as stores
from yundian.platform.core.errors import InvalidInput
from yundian.platform.db import paging
from yundian.platform.db.paging import Page

_KEY = (str, str, uuid.UUID, str)


@dataclass(frozen=True, slots=True)
class Remembered:
    """``to`` is an id, or a state; ``name`` of what has the id, ``is_gone`` when nothing has. A person's word
    counts in one shop. ``key`` is opaque."""

    key: str
    source: str
    kind: str
    word: str
    shop_id: uuid.UUID | None
    shop_name: str
    to: str
    name: str
    is_gone: bool
    said_at: dt.datetime


async def list_words(
    session: AsyncSession,
    *,
    source: str = "",
    kind: str = "",
    query: str = "",
    limit: int,
    cursor: str | None = None,
) -> Page[Remembered]:
    """By source, kind, shop and word; ``query`` is a part of a word."""
    after = paging.decode_cursor(cursor, _KEY) if cursor else FIRST
    rows = await words.remembered(
        session, source=source, kind=kind, part=known_as(query), after=after, limit=limit + 1
    )
    kept, following = paging.cut(rows, limit, lambda one: one.key)
    names = await _names(session, kept)
    return Page([_told(one, names) for one in kept], following)


async def sources(session: AsyncSession) -> list[str]:
    """The names of the systems whose words are remembered."""
    return await words.sources(session)


async def forget(session: AsyncSession, *, keys: Iterable[str]) -> int:
    """These are asked for again with the next file; what came in by them stays. How many were remembered.

    Raises ``InvalidInput`` for what is no key.
    """
    by_source: dict[str, list[Word]] = defaultdict(list)
    for key in keys:
        try:
            source, kind, within, said = paging.decode_cursor(key, _KEY)
        except InvalidInput as error:
            raise InvalidInput("keys", "choose one of the list") from error
        by_source[source].append(Word(kind, said, within=within))
    forgotten = 0
    for source in sorted(by_source):
        await words.lock(session, source=source)
        forgotten += await words.forget(session, source=source, words=by_source[source])
    return forgotten


async def _names(session: AsyncSession, kept: Iterable[Kept]) -> dict[str, str]:
    """What the ids are called. A fixed number of statements."""
    kinds = {one.word.kind for one in kept}
    shop_ids = {one.word.within for one in kept} - {NOWHERE}
    shop_ids |= {uuid.UUID(one.word.means) for one in kept if one.word.kind == "shop"}
    names = {str(id_): shop.name for id_, shop in (await stores.get_shops(session, ids=shop_ids)).items()}
    if "service" in kinds:
        names |= {str(one.id): one.name for one in await setup.list_services(session)}
    if "staff" in kinds:
        names |= {str(one.id): one.display_name for one in await setup.list_staff(session)}
    return names


def _told(one: Kept, names: dict[str, str]) -> Remembered:
    word = one.word
    is_state = word.kind == "state"
    return Remembered(
        key=paging.encode_cursor(one.key),
        source=one.source,
        kind=word.kind,
        word=word.said,
        shop_id=word.within if word.within != NOWHERE else None,
        shop_name=names.get(str(word.within), ""),
        to=word.means,
        name="" if is_state else names.get(word.means, ""),
        is_gone=not is_state and word.means not in names,
        said_at=one.said_at,
    )
