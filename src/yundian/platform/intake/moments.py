"""Times as people and their programs write them, with the year first: ``formats = ["any"]``."""

import datetime as dt
import re
import unicodedata

ANY = "any"

_DAY = (
    r"(?:(?P<year>\d{4})\s*[-/.年]\s*(?P<month>\d{1,2})\s*[-/.月]\s*(?P<day>\d{1,2})\s*日?"
    r"|(?P<packed>\d{8})(?!\d))"
)
_WEEKDAY = r"(?:[\s,(]*(?:星期|周|礼拜)[一二三四五六日天]\)?)?"
_EARLY = ("凌晨", "早上", "上午", "am")
_LATE = ("下午", "傍晚", "晚上", "pm")
_NOON = "中午"
_PART = "|".join((*_EARLY, *_LATE, _NOON))
_CLOCK = (
    rf"(?:(?:\s|t|,)*(?P<part>{_PART})?\s*(?P<hour>\d{{1,2}})\s*(?::|时|点)\s*(?P<minute>\d{{1,2}})?"
    r"(?:\s*(?::|分)\s*(?P<second>\d{1,2})(?:\.\d+)?)?\s*[分秒]?"
    r"\s*(?P<after>am|pm)?\s*(?P<offset>z|[+-]\d{2}:?\d{2})?)?"
)
_WRITTEN = re.compile(_DAY + _WEEKDAY + _CLOCK, re.ASCII)

# A date whose column was formatted as a number: days since the end of 1899, of 1954 to 2119.
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?", re.ASCII)
_FIRST = dt.datetime(1899, 12, 30)  # noqa: DTZ001  the zone is put on by whoever reads it
_SERIALS = (20_000, 80_000)


def moment(text: str) -> dt.datetime | None:
    """The day and time that the text names, naive unless it tells its offset; ``None`` when it names none."""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    if _SERIAL.fullmatch(plain) and _SERIALS[0] <= float(plain) < _SERIALS[1]:
        return _FIRST + dt.timedelta(seconds=round(float(plain) * 86_400))
    found = _WRITTEN.fullmatch(plain)
    if found is None:
        return None
    try:
        return _made(found)
    except ValueError:
        return None


def _made(found: re.Match[str]) -> dt.datetime:
    packed = found["packed"]
    day = (packed[:4], packed[4:6], packed[6:]) if packed else (found["year"], found["month"], found["day"])
    hour = _hour(int(found["hour"] or 0), found["part"] or found["after"] or "")
    minute, second = int(found["minute"] or 0), int(found["second"] or 0)
    made = dt.datetime.combine(dt.date(*map(int, day)), dt.time(hour, minute, second))
    offset = found["offset"]
    return made if not offset else made.replace(tzinfo=dt.datetime.strptime(offset, "%z").tzinfo)


def _hour(hour: int, part: str) -> int:
    """Of 24; ``ValueError`` for what contradicts itself, as 14 in the morning does."""
    if part in _EARLY:
        if hour > 12:
            raise ValueError
        return hour % 12
    if part in _LATE and hour < 12:
        return hour + 12
    if part == _NOON and hour < 3:
        return hour + 12
    if (part in _LATE or part == _NOON) and (hour == 12 and part not in ("pm", "下午", _NOON)):
        raise ValueError  # twelve in the evening: of which day?
    return hour
