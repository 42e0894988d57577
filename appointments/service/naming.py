"""What a shop's people are called in English, said by the shop itself; everything else of them is HQ's."""

import uuid
from collections.abc import Collection
from typing import Annotated

import msgspec
from msgspec import Meta
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import StaffUnknown
from appointments.repository import naming as repository
from yundian.platform.core.errors import VersionConflict

Version = Annotated[int, Meta(ge=1, le=2**31 - 1)]
EnglishName = Annotated[str, Meta(max_length=60, description="Empty: none, the own name is shown.")]


class EnglishNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody's name and job title in English. ``version``: hers, as it was read; a stale one is refused."""

    id: uuid.UUID
    display_name_en: EnglishName = ""
    title_en: EnglishName = ""
    version: Version


class NamedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who serves, by her own names and by her English ones."""

    id: uuid.UUID
    home_shop_id: uuid.UUID
    display_name: str
    display_name_en: str
    title: str
    title_en: str
    version: int


async def at_home(session: AsyncSession, *, shop_ids: Collection[uuid.UUID]) -> list[NamedPerson]:
    """Who has one of these shops as home, with own and English names."""
    found = await repository.at_home(session, shop_ids=shop_ids)
    return [msgspec.convert(row, NamedPerson, from_attributes=True) for row in found]


async def put(
    session: AsyncSession, *, shop_ids: Collection[uuid.UUID], names: Collection[EnglishNames]
) -> list[NamedPerson]:
    """The English names of some of them: all or nothing. Who is not named keeps hers.

    Raises ``StaffUnknown`` for somebody of another shop, ``VersionConflict`` when somebody changed one since.
    """
    rows = {row.id: row for row in await repository.at_home(session, shop_ids=shop_ids, is_locked=True)}
    for one in names:
        row = rows.get(one.id)
        if row is None:
            raise StaffUnknown
        name, title = one.display_name_en.strip(), one.title_en.strip()
        if (name, title) == (row.display_name_en, row.title_en):
            continue
        if row.version != one.version:
            raise VersionConflict
        row.display_name_en, row.title_en = name, title
    await session.flush()
    return [msgspec.convert(row, NamedPerson, from_attributes=True) for row in rows.values()]
