"""The screen of a record that a file could not bring in: why, as it stands, to be corrected or put aside.

Rooms that import lists have it in common. Each says where its list is, and guards its own handlers.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.db.services import Services
from yundian.platform.intake import quarantine
from yundian.platform.intake.models import Quarantined
from yundian.platform.intake.types import ImportKind
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, page, see_other


@dataclass(frozen=True, slots=True)
class HeldPlace:
    """Where a room shows its held records; their own pages stand below."""

    kind: ImportKind[Any]
    path: str


async def show(
    session: AsyncSession, place: HeldPlace, *, brand: uuid.UUID, held_id: uuid.UUID, form: Form | None = None
) -> Template:
    """One record: as it stood in the file, what is wrong, and its columns to correct. ``NotFound``."""
    held = await quarantine.get(session, brand_id=brand, kind=place.kind.name, quarantine_id=held_id)
    return _record(held, place, form or Form.of())


async def replay(
    request: AnyRequest, services: Services, place: HeldPlace, *, brand: uuid.UUID, held_id: uuid.UUID
) -> Response[Any]:
    """Try the record again with what was corrected. A second click finds it settled."""
    form = await Form.read(request)
    corrections = dict(zip(form.list("column"), form.list("value"), strict=False))
    problem = None
    async with form.attempt(), services.database.connection(brand) as tx:
        problem = await quarantine.replay(tx, kind=place.kind, quarantine_id=held_id, corrections=corrections)
    if problem is None and not form.failed:
        return see_other(place.path, toast=_("The record was taken in"))
    if problem is not None:
        form.status = 400
    async with services.database.unit_of_work(brand) as session:
        return await show(session, place, brand=brand, held_id=held_id, form=form)


async def discard(
    request: AnyRequest, services: Services, place: HeldPlace, *, brand: uuid.UUID, held_id: uuid.UUID
) -> Response[Any]:
    """Leave the record out; its page takes that back."""
    form = await Form.read(request)
    async with form.attempt(), services.database.connection(brand) as tx:
        await quarantine.discard(tx, kind=place.kind.name, quarantine_id=held_id)
    if not form.failed:
        return see_other(place.path, toast=_("The record was discarded"))
    async with services.database.unit_of_work(brand) as session:
        return await show(session, place, brand=brand, held_id=held_id, form=form)


async def undo(
    request: AnyRequest, services: Services, place: HeldPlace, *, brand: uuid.UUID, held_id: uuid.UUID
) -> Response[Any]:
    """Take a discard back."""
    form = await Form.read(request)
    async with form.attempt(), services.database.connection(brand) as tx:
        await quarantine.undo_discard(tx, kind=place.kind.name, quarantine_id=held_id)
    if not form.failed:
        return see_other(f"{place.path}/{held_id}", toast=_("The record waits again."))
    async with services.database.unit_of_work(brand) as session:
        return await show(session, place, brand=brand, held_id=held_id, form=form)


def _record(held: Quarantined, place: HeldPlace, form: Form) -> Template:
    # The wrong column first, under the reader's eyes.
    source = dict(sorted((held.source or {}).items(), key=lambda item: item[0] != held.column_name))
    return page(
        "files/record.html",
        status_code=form.status,
        form=form,
        held=held,
        path=place.path,
        # Lists and objects of a JSON file are shown, not edited.
        columns=[(name, "" if value is None else value) for name, value in source.items() if _is_plain(value)],
        nested=[
            (name, msgspec.json.encode(value).decode()[:2_000])
            for name, value in source.items()
            if not _is_plain(value)
        ],
    )


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)
