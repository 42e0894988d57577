"""Physical lines of a file of any size, packed or not, in bounded memory."""

import codecs
import gzip
import io
import re
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yundian.platform.intake.errors import UnusableFile
from yundian.platform.intake.types import Problem

MAX_LINE_BYTES = 1024 * 1024
BLOCK_BYTES = 128 * 1024

MAX_UNPACKED_BYTES = 16 * 1024**3
MAX_UNPACKED_RATIO = 200
# Below this a ratio says nothing: a small file of blanks is no bomb.
_HARMLESS_BYTES = 64 * 1024**2

_SURROGATE = re.compile("[\ud800-\udfff]")

# Bytes that are no text become halves of characters, which no text has. (Python's own handler of this kind refuses
# bytes below 0x80: those that a file cut within a character ends with.)
_HALVES = "yundian.halves"


def _as_halves(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_HALVES, _as_halves)

BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line; ``problem`` where its bytes are not text. Not ``is_whole``: only its beginning."""

    number: int
    text: str
    problem: Problem | None = None
    is_whole: bool = True


class OpenFile:
    """A file for reading; ``.gz`` is unpacked on the way, within bounds. ``position`` is where the disk stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self._disk = path.open("rb")
        self.is_packed = path.suffix.lower() == ".gz"
        self._read = 0
        packed = gzip.GzipFile(fileobj=self._disk) if self.is_packed else None
        self.stream = io.BufferedReader(_Unpacked(packed, self), BLOCK_BYTES) if packed is not None else self._disk

    @property
    def position(self) -> int:
        return self._disk.tell() if not self._disk.closed else self.size

    def close(self) -> None:
        self.stream.close()
        self._disk.close()

    def count(self, size: int) -> None:
        """``UnusableFile`` for what unpacks to more than an honest file would."""
        self._read += size
        is_bomb = self._read > _HARMLESS_BYTES and self._read > MAX_UNPACKED_RATIO * max(self._disk.tell(), 1)
        if is_bomb or self._read > MAX_UNPACKED_BYTES:
            raise UnusableFile(file=self.path.name, reason="it unpacks to far more than it is", bytes=self._read)


class _Unpacked(io.RawIOBase):
    def __init__(self, packed: gzip.GzipFile, file: OpenFile) -> None:
        self._packed = packed
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._packed.read1(len(buffer))
        except (OSError, EOFError, zlib.error) as error:
            name = self._file.path.name
            raise UnusableFile(file=name, reason="it cannot be unpacked", detail=str(error)[:200]) from error
        self._file.count(len(data))
        buffer[: len(data)] = data
        return len(data)


class Lines:
    """Lines with their numbers: one by one with whatever is wrong told, or, where nothing is odd, many at once."""

    def __init__(self, file: OpenFile, encoding: str) -> None:
        self._waiting: deque[Line] = deque()
        self._number = 0
        self._bytes = file.stream
        head = self._bytes.peek(3)[:3]
        bom = next((pair for pair in BOMS if head.startswith(pair[0])), None)
        self._encoding = bom[1] if bom is not None else encoding
        self._bytes.read(len(bom[0]) if bom is not None else 0)
        self._odd = io.BytesIO()
        self._text: io.TextIOWrapper | None = None
        if self._encoding.startswith("utf-16"):
            self._text = io.TextIOWrapper(self._bytes, encoding=self._encoding, errors=_HALVES, newline="")

    def take(self) -> Line | None:
        """The next line, whatever it is; None at the end."""
        if self._waiting:
            return self._waiting.popleft()
        data = self._readline(MAX_LINE_BYTES + 1)
        if not data:
            return None
        self._number += 1
        if len(data) > MAX_LINE_BYTES:
            return self._overlong(data)
        return self._decoded(data)

    def put_back(self, lines: list[Line]) -> None:
        self._waiting.extendleft(reversed(lines))

    def block(self) -> tuple[int, list[str]] | None:
        """The next lines at once, with the number of the first; None where they have to be taken one by one."""
        if self._waiting or self._text is not None or self._odd.tell() < len(self._odd.getbuffer()):
            return None
        data = self._bytes.read(BLOCK_BYTES)
        rest = b"" if data.endswith(b"\n") else self._bytes.readline(MAX_LINE_BYTES + 1)
        is_long = len(data) - data.rfind(b"\n") + len(rest) > MAX_LINE_BYTES
        self._odd = io.BytesIO(data + rest)
        try:
            text = "" if is_long else self._odd.getvalue().decode(self._encoding)
        except UnicodeDecodeError:
            return None
        if not text or "\0" in text:
            return None
        lines = list(io.StringIO(text, newline="\n"))
        return self._number + 1, lines

    def accept(self, count: int) -> None:
        """The block was fine; else its lines are still there to be taken."""
        self._number += count
        self._odd = io.BytesIO()

    def close(self) -> None:
        """Let go of the file, which its opener closes."""
        if self._text is not None:
            self._text.detach()

    def _readline(self, limit: int) -> bytes | str:
        if self._text is not None:
            return self._text.readline(limit)
        data = self._odd.readline(limit)
        if len(data) < limit and not data.endswith(b"\n"):
            data += self._bytes.readline(limit - len(data))
        return data

    def _decoded(self, data: bytes | str) -> Line:
        problem = None
        if isinstance(data, bytes):
            try:
                text = data.decode(self._encoding)
            except UnicodeDecodeError as error:
                text = data.decode(self._encoding, "backslashreplace")
                problem = Problem.quoting(
                    "intake.bad_bytes",
                    "byte %(number)s of the line is not %(encoding)s",
                    number=error.start + 1,
                    encoding=self._encoding,
                )
        else:
            text = data
        if "\0" in text:
            text = text.replace("\0", "\\x00")
            problem = Problem("intake.nul", "the line contains a NUL byte")
        elif isinstance(data, str) and _SURROGATE.search(text):
            text = text.encode("utf-8", "backslashreplace").decode()
            problem = Problem.quoting("intake.bad_bytes", "the line is not %(encoding)s", encoding=self._encoding)
        return Line(self._number, text, problem)

    def _overlong(self, head: bytes | str) -> Line:
        end: bytes | str = head
        newline: Any = b"\n" if isinstance(head, bytes) else "\n"
        while end and not end.endswith(newline):
            end = self._readline(MAX_LINE_BYTES)
        shown = self._decoded(head[:200])
        problem = Problem.quoting("intake.line_too_long", "longer than %(bytes)s bytes", bytes=MAX_LINE_BYTES)
        return Line(self._number, shown.text, problem, is_whole=False)
