"""PostgreSQL's binary COPY, written by hand where rows come by the hundred thousand.

asyncpg encodes any row, cell by cell, looking each time at what it is. Whoever knows its rows beforehand packs the
numbers of one with one ``struct`` and remembers the texts, which repeat themselves.
"""

import struct
import uuid
from collections.abc import AsyncIterator, Iterable

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = struct.pack(">h", -1)
NULL = struct.pack(">i", -1)

_LENGTH = struct.Struct(">i").pack
_ROWS_AT_ONCE = 512


class Texts(dict[str, bytes]):
    """Texts as cells, each made once."""

    def __missing__(self, text: str) -> bytes:
        self[text] = cell = of_text(text)
        return cell


def of_text(text: str) -> bytes:
    """The cell of a text."""
    data = text.encode()
    return _LENGTH(len(data)) + data


def of_uuid(value: uuid.UUID | None) -> bytes:
    """The cell of a uuid."""
    return NULL if value is None else _LENGTH(16) + value.bytes


async def stream(rows: Iterable[bytes]) -> AsyncIterator[bytes]:
    """The stream of encoded rows, each begun with the number of its cells."""
    part = [HEADER]
    for row in rows:
        part.append(row)
        if len(part) >= _ROWS_AT_ONCE:
            yield b"".join(part)
            part = []
    yield b"".join((*part, TRAILER))
