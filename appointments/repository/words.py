"""Statements of what the words of other systems' files mean here."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from yundian.platform.outbox.door import Door, brand_of, fetch, run

NOWHERE = uuid.UUID(int=0)

_MEANT = """
SELECT kind, within, said, means FROM appointments_import_word
WHERE brand_id = $1 AND source = $2 AND said = ANY($3::varchar[])
"""

_SAVE = """
INSERT INTO appointments_import_word (brand_id, source, kind, within, said, means, created_at, account_id)
SELECT $1, $2, w.kind, w.within, w.said, w.means, $3, $4
FROM unnest($5::varchar[], $6::uuid[], $7::varchar[], $8::varchar[]) AS w (kind, within, said, means)
ON CONFLICT (brand_id, source, kind, within, said) DO UPDATE SET means = excluded.means,
    created_at = excluded.created_at, account_id = excluded.account_id
"""

_FORGET = """
DELETE FROM appointments_import_word WHERE brand_id = $1 AND source = $2 AND kind = ANY($3::varchar[])
    AND within = ANY($4::uuid[]) AND (kind, within, said) IN (
        SELECT * FROM unnest($3::varchar[], $4::uuid[], $5::varchar[]))
RETURNING said
"""

# By their key: a page costs the same wherever it begins.
_REMEMBERED = """
SELECT source, kind, within, said, means, created_at FROM appointments_import_word
WHERE brand_id = $1 AND ($2::varchar = '' OR source = $2) AND ($3::varchar = '' OR kind = $3)
    AND ($4::varchar = '' OR position($4 IN said) > 0) AND (source, kind, within, said) > ($5, $6, $7::uuid, $8)
ORDER BY source, kind, within, said LIMIT $9
"""

# Of two who say what the same list's words mean, one goes first.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('appointments.words:' || $1::text || ':' || $2::text, 0))"


@dataclass(frozen=True, slots=True)
class Word:
    """``kind``: ``shop``, ``service``, ``staff`` or ``state``; ``within``: the shop of a person."""

    kind: str
    said: str
    means: str = ""
    within: uuid.UUID = NOWHERE


@dataclass(frozen=True, slots=True)
class Meant:
    """What was said of words, by kind; of people, by shop and word."""

    shops: dict[str, uuid.UUID] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    people: dict[tuple[uuid.UUID, str], str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)


async def meant(door: Door, *, source: str, said: Collection[str]) -> Meant:
    """What HQ said that these words of the source mean. One statement."""
    found = Meant()
    for kind, within, word, means in await fetch(door, _MEANT, brand_of(door), source, list(said)):
        if kind == "shop":
            found.shops[word] = uuid.UUID(means)
        elif kind == "service":
            found.services[word] = means
        elif kind == "staff":
            found.people[within, word] = means
        else:
            found.states[word] = means
    return found


async def lock(door: Door, *, source: str) -> None:
    """One at a time says what the words of a source mean, until the transaction ends."""
    await fetch(door, _LOCK, str(brand_of(door)), source)


async def save(
    door: Door, *, source: str, words: Sequence[Word], account_id: uuid.UUID | None, now: dt.datetime
) -> None:
    """Keep what they mean, instead of what was said before."""
    await run(
        door,
        _SAVE,
        brand_of(door),
        source,
        now,
        account_id,
        [one.kind for one in words],
        [one.within for one in words],
        [one.said for one in words],
        [one.means for one in words],
    )


async def forget(door: Door, *, source: str, words: Sequence[Word]) -> int:
    """They mean nothing any more, but what they say: how many meant something."""
    kinds, within = [one.kind for one in words], [one.within for one in words]
    return len(await fetch(door, _FORGET, brand_of(door), source, kinds, within, [one.said for one in words]))


@dataclass(frozen=True, slots=True)
class Kept:
    """A word that means something in files of a source."""

    source: str
    word: Word
    said_at: dt.datetime

    @property
    def key(self) -> "Key":
        return self.source, self.word.kind, self.word.within, self.word.said


Key = tuple[str, str, uuid.UUID, str]
FIRST: Key = ("", "", NOWHERE, "")


async def remembered(door: Door, *, source: str, kind: str, part: str, after: Key, limit: int) -> list[Kept]:
    """What words mean, of one source and kind or of all; ``part`` of a word is enough. One statement."""
    rows = await fetch(door, _REMEMBERED, brand_of(door), source, kind, part, *after, limit)
    return [
        Kept(source, Word(kind, said, means, within), said_at)
        for source, kind, within, said, means, said_at in rows
    ]


async def sources(door: Door) -> list[str]:
    """The names of the systems whose words are remembered."""
    sql = "SELECT DISTINCT source FROM appointments_import_word WHERE brand_id = $1 ORDER BY 1"
    return [row[0] for row in await fetch(door, sql, brand_of(door))]


async def forget_meaning(door: Door, *, means: Collection[str]) -> None:
    """What these words meant is gone."""
    sql = "DELETE FROM appointments_import_word WHERE brand_id = $1 AND means = ANY($2::varchar[])"
    await run(door, sql, brand_of(door), list(means))
