"""What a shop sends when it names its people in English."""

import uuid
from typing import Annotated

import msgspec
from msgspec import Meta

from appointments.service.naming import EnglishName, EnglishNames, Version
from yundian.platform.core.errors import InvalidInput

_MOST = 200


class NamesForm(msgspec.Struct, frozen=True, kw_only=True):
    """The page's rows, field by field."""

    id: list[uuid.UUID] = []
    display_name_en: list[EnglishName] = []
    title_en: list[EnglishName] = []
    version: list[Version] = []

    def names(self) -> list[EnglishNames]:
        """Row by row; ``InvalidInput`` where a row is not whole."""
        lengths = {len(each) for each in (self.id, self.display_name_en, self.title_en, self.version)}
        if len(lengths) > 1 or len(self.id) > _MOST:
            raise InvalidInput("id", "Reload the page: it is not whole")
        rows = zip(self.id, self.display_name_en, self.title_en, self.version, strict=True)
        return [
            EnglishNames(id=key, display_name_en=name, title_en=title, version=version)
            for key, name, title, version in rows
        ]


class NamesWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """English names of some of a shop's people: all are saved, or none."""

    people: Annotated[list[EnglishNames], Meta(min_length=1, max_length=_MOST)]
