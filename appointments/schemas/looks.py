"""The JSON of files that are looked at before they come in, and of what their words mean."""

import datetime as dt
import uuid
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from appointments.models.surveys import Survey
from appointments.rules.layouts import Layout
from appointments.rules.surveyed import Flaw
from appointments.schemas.files import FileRead, told
from appointments.service.drafts import DraftPerson, Drafts, DraftService, DraftShop
from appointments.service.making import Answer
from appointments.service.meanings import Item, Meanings
from appointments.service.remembered import Remembered
from yundian.platform.files.service.views import FileView
from yundian.platform.web.reasons import reason_of

MOST_ANSWERS = 1_000
Key = Annotated[str, Meta(min_length=1, max_length=600)]


class WordKind(StrEnum):
    """What a word of a file stands for."""

    SHOP = "shop"
    SERVICE = "service"
    STAFF = "staff"
    STATE = "state"


class Standing(StrEnum):
    """``open``: nobody said what it means; ``said``: somebody did."""

    OPEN = "open"
    SAID = "said"


class FlawRead(msgspec.Struct, frozen=True, kw_only=True):
    """Why so many rows would be held back, in the reader's language, with the line of the first one."""

    code: str
    reason: str
    rows: int
    line: int
    column: str

    @classmethod
    def of(cls, flaw: Flaw) -> "FlawRead":
        return cls(code=flaw.code, reason=reason_of(flaw), rows=flaw.rows, line=flaw.line, column=flaw.column)


class LayoutRead(msgspec.Struct, frozen=True, kw_only=True):
    """Which columns are which field. ``formats`` of times, by field; ``zone`` of those that tell no offset;
    ``state`` of all rows where no column says it; ``name`` of the other system: words are remembered for it."""

    name: str
    zone: str
    state: str
    columns: dict[str, list[str]]
    formats: dict[str, list[str]]

    @classmethod
    def of(cls, layout: Layout) -> "LayoutRead":
        return cls(**{name: getattr(layout, name) for name in cls.__struct_fields__})


class WordCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many words of a kind are ``open``, ``said`` before, and ``known`` as they stand; ``rows`` have open
    ones. ``is_cut``: there are more than 2,000, and the others' rows are held back."""

    open: int
    said: int
    known: int
    rows: int
    is_cut: bool


class LookFound(msgspec.Struct, frozen=True, kw_only=True):
    """What is in the file. ``samples`` of its columns; no ``layout`` where it is read with a ``mapping`` of its
    own; ``is_remembered``: read as the last file with these columns. ``other_flaws``: rows with mistakes that
    ``flaws`` does not list. ``is_clear``: no word is open."""

    rows: int
    header: list[str]
    samples: dict[str, list[str]]
    layout: LayoutRead | None
    mapping: str
    is_remembered: bool
    flaws: list[FlawRead]
    other_flaws: int
    words: dict[str, WordCounts]
    is_clear: bool

    @classmethod
    def of(cls, looked: Meanings) -> "LookFound":
        found = looked.found
        words = {
            name: WordCounts(
                open=len(kind.open),
                said=len(kind.said),
                known=kind.known,
                rows=sum(item.seen.rows for item in kind.open),
                is_cut=name in found.cut,
            )
            for name, kind in looked.kinds.items()
        }
        return cls(
            rows=found.rows,
            header=found.header,
            samples=found.samples,
            layout=LayoutRead.of(found.layout) if found.layout is not None else None,
            mapping=looked.survey.mapping,
            is_remembered=found.is_remembered,
            flaws=[FlawRead.of(one) for one in found.flaws],
            other_flaws=found.other_flaws,
            words=words,
            is_clear=looked.is_clear,
        )


class LookRead(FileRead, frozen=True, kw_only=True):
    """A file that is looked at: nothing of it is here. ``found`` is null while it is read, when it could not be,
    and when it is forgotten (a week). ``next_upload_id``: the import (``is_imported``) or the other look that
    followed."""

    rows_read: int
    found: LookFound | None
    next_upload_id: uuid.UUID | None
    is_imported: bool

    @classmethod
    def whole(cls, view: FileView, survey: Survey | None, looked: Meanings | None) -> "LookRead":
        share = {"share": survey.permille / 1000} if survey is not None and view.is_live else {}
        return cls(
            **(told(view) | share),
            rows_read=survey.rows_read if survey is not None else 0,
            found=LookFound.of(looked) if looked is not None else None,
            next_upload_id=survey.next_upload_id if survey is not None else None,
            is_imported=survey.is_import if survey is not None else False,
        )


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    to: str
    name: str


class WordRead(msgspec.Struct, frozen=True, kw_only=True):
    """A word of the file, on how many ``rows``, with an example. ``is_missing``: no column says it.

    ``to`` is what was said of it, else what is likely: an id, a state, ``new`` or nothing. ``choices`` are the
    likeliest; any other shop, service or person may be answered, too. ``week`` and ``minutes``: what the rows
    show, and what something new starts with (week day, first and last minute of the day).
    """

    key: str
    kind: str
    word: str
    is_missing: bool
    is_said: bool
    rows: int
    line: int
    example: str
    first_day: dt.date | None
    last_day: dt.date | None
    shop_name: str
    minutes: int | None
    week: list[tuple[int, int, int]]
    to: str
    choices: list[Choice]

    @classmethod
    def of(cls, item: Item) -> "WordRead":
        seen = item.seen
        return cls(
            key=item.name,
            kind=item.kind,
            word=seen.said,
            is_missing=item.is_nowhere,
            is_said=item.is_said,
            rows=seen.rows,
            line=seen.line,
            example=seen.example,
            first_day=seen.first,
            last_day=seen.last,
            shop_name=item.shop_name,
            minutes=seen.minutes,
            week=seen.week,
            to=item.to,
            choices=[Choice(to=to, name=name) for to, name in item.choices],
        )


class AnswerWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the word of this ``key`` means: an id, a state, ``new`` (made as a draft), or nothing: its rows are
    held back. ``code`` (of a shop), ``name`` and ``minutes`` (of a service) are those of something new."""

    key: Key
    to: Annotated[str, Meta(max_length=40)]
    code: Annotated[str, Meta(max_length=40)] = ""
    name: Annotated[str, Meta(max_length=80)] = ""
    minutes: Annotated[int, Meta(ge=5, le=720, multiple_of=5)] | None = None


class Answers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    answers: Annotated[list[AnswerWrite], Meta(max_length=MOST_ANSWERS)]

    def by_key(self) -> Mapping[str, Answer]:
        return {one.key: Answer(one.to, code=one.code, name=one.name, minutes=one.minutes) for one in self.answers}


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """``drafts``: so many were made. ``left``: keys that the look does not have, or not any more, as somebody said
    in the meantime what their words mean; nothing was changed for them."""

    drafts: int
    left: list[str]


class LayoutWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As in ``LayoutRead``, with one format of each time; or a ``mapping`` (TOML) instead of all of it."""

    name: Annotated[str, Meta(max_length=80)] = ""
    zone: Annotated[str, Meta(max_length=40)] = ""
    state: Annotated[str, Meta(max_length=40)] = "by_time"
    columns: Annotated[dict[str, Annotated[list[str], Meta(max_length=8)]], Meta(max_length=20)] = {}
    formats: Annotated[dict[str, Annotated[str, Meta(max_length=40)]], Meta(max_length=20)] = {}
    mapping: Annotated[str, Meta(max_length=100_000)] = ""


class DraftRead(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of a word and nobody can book until it is confirmed: ``rows`` of the file named it."""

    id: uuid.UUID
    kind: str
    name: str
    rows: int
    first_day: dt.date | None
    last_day: dt.date | None

    @classmethod
    def of_all(cls, found: Drafts) -> "list[DraftRead]":
        made: list[DraftShop | DraftService | DraftPerson] = [*found.shops, *found.services, *found.people]
        return [cls.of(one) for one in made]

    @classmethod
    def of(cls, one: DraftShop | DraftService | DraftPerson) -> "DraftRead":
        draft = one.draft
        return cls(
            id=draft.made_id,
            kind=draft.kind,
            name=one.name,
            rows=draft.rows,
            first_day=draft.first_day,
            last_day=draft.last_day,
        )


class Confirm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ids: Annotated[list[uuid.UUID], Meta(max_length=MOST_ANSWERS)]


class Confirmed(msgspec.Struct, frozen=True, kw_only=True):
    """So many were drafts until now."""

    confirmed: int


class RememberedRead(msgspec.Struct, frozen=True, kw_only=True):
    """What a word in files of another system (``source``) means here. ``to`` is an id or a state, ``name`` what
    has this id; ``is_gone``: nothing has it any more. A person's word counts in one shop."""

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

    @classmethod
    def of(cls, one: Remembered) -> "RememberedRead":
        return cls(**{name: getattr(one, name) for name in cls.__struct_fields__})


class Forget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    keys: Annotated[list[Key], Meta(max_length=MOST_ANSWERS)]


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """So many were remembered until now."""

    forgotten: int
