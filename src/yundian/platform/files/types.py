"""What rooms say of the files that people bring to them, and what a person brings."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yundian.platform.db.database import Database
from yundian.platform.intake.mapping import Mapping
from yundian.platform.intake.types import RunSummary

TakeFile = Callable[[Database, uuid.UUID, str, Path, Mapping], Awaitable[RunSummary]]


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a room lets people bring in.

    ``name`` is that of the import, ``record`` what a mapping fills, ``timer`` the room's own that sees to its
    files (``service.working.see_to``). ``take`` gets the database, the brand, what within the kind the file is for
    (its scope, where there are several), the file and the mapping. ``path`` is where its pages (``pages``) show
    files and runs.
    """

    name: str
    record: type[Any]
    timer: str
    take: TakeFile
    mappings: Path
    path: str

    def shipped_mappings(self) -> dict[str, str]:
        """The texts of the mappings that come with the house, by name."""
        return {file.stem: file.read_text(encoding="utf-8") for file in sorted(self.mappings.glob("*.toml"))}


@dataclass(frozen=True, slots=True)
class NewFile:
    """What a person brings in: for what within its kind, read with which mapping (TOML)."""

    scope: str
    file_name: str
    mapping: str
    account_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class CheckedMapping:
    """What a mapping fills and of which columns; or its first mistake, with the key it stands under."""

    name: str = ""
    columns: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    problem: str = ""
    key: str = ""
    allowed: tuple[str, ...] = ()
