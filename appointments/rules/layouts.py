"""Which column of another system's list is which, and the mapping that says so."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from appointments.rules import words

KIND = "appointments.bookings"
# What an upload is read with whose columns are to be guessed.
UNKNOWN = f"""# Which column is which is guessed from their names.
kind = "{KIND}"
name = "unknown"

[source]
format = "table"

[fields]
external_id = {{ constant = "-" }}
shop_code = {{ constant = "-" }}
service_code = {{ constant = "-" }}
staff = {{ constant = "-" }}
state = {{ constant = "by_time" }}
"""

FIELDS = (
    "external_id", "shop_code", "service_code", "staff", "state", "starts_at", "day", "ends_at", "duration_min",
    "booked_on", "ended_on", "client", "reason",
)  # fmt: skip
MOMENTS = {"starts_at": "datetime", "ends_at": "datetime", "day": "date", "booked_on": "date", "ended_on": "date"}
# What makes a record this one, where the list has no numbers.
_TOGETHER = ("day", "starts_at", "shop_code", "service_code", "staff", "client", "ended_on", "reason")
_NEEDED = ("shop_code", "service_code", "staff")


class Layout(msgspec.Struct, kw_only=True):
    """``columns`` of each field that the list has; ``state`` of all its records, where no column says it.

    ``formats`` of times; ``zone`` of those that tell no offset; ``name`` of the system the list comes from.
    """

    name: str
    zone: str
    columns: dict[str, list[str]]
    formats: dict[str, list[str]] = {}
    state: str = words.BY_TIME
    source: str = "table"


def guessed(header: Sequence[str], samples: Mapping[str, Sequence[str]], *, zone: str, name: str) -> Layout:
    """The likeliest layout, by the names of the columns and what stands in them."""
    found = words.guessed_columns(header)
    columns = {field: [column] for field, column in found.items()}
    _put_day_before_clock(columns, samples)
    layout = Layout(name=name, zone=zone, columns=columns)
    if "state" not in columns and _is_filled(columns.get("ended_on"), samples):
        layout.state = "cancelled"
    for field in MOMENTS:
        if field in columns:
            layout.formats[field] = words.formats_of(joined(columns[field], samples))[:1] or ["any"]
    return layout


def _put_day_before_clock(columns: dict[str, list[str]], samples: Mapping[str, Sequence[str]]) -> None:
    """A time of day belongs to the day in another column; a column of days only is no time, nor the other way."""

    def texts(field: str) -> list[str]:
        return joined(columns[field], samples)

    day = columns.get("day")
    if day and "starts_at" not in columns and words.has_clock(texts("day")):
        columns["starts_at"] = columns.pop("day")
    elif "starts_at" in columns and words.is_clock(texts("starts_at")):
        if day:
            columns["starts_at"] = [*day, *columns["starts_at"]]
            del columns["day"]
        else:
            del columns["starts_at"]
    elif "starts_at" in columns and not words.has_clock(texts("starts_at")):
        columns["day"] = columns.pop("starts_at")
    elif "starts_at" in columns:
        columns.pop("day", None)
    if "ends_at" in columns and words.is_clock(texts("ends_at")):
        start = columns.get("starts_at", [])
        # A start that tells its day in the same cell has none to lend.
        if len(start) == 2:
            columns["ends_at"] = [start[0], *columns["ends_at"]]
        else:
            del columns["ends_at"]


def joined(columns: Sequence[str], samples: Mapping[str, Sequence[str]]) -> list[str]:
    """What rows of the list have in these columns, as the mapping puts it together; blank ones left out."""
    rows = zip(*(samples.get(column, ()) for column in columns), strict=False)
    return [text for row in rows if (text := " ".join(filter(None, (cell.strip() for cell in row))))]


def _is_filled(columns: Sequence[str] | None, samples: Mapping[str, Sequence[str]]) -> bool:
    texts = samples.get(columns[0], ()) if columns else ()
    return bool(texts) and all(text.strip() for text in texts)


def mapping_of(layout: Layout) -> str:
    """The mapping (TOML) that reads such a list."""
    lines = [f"kind = {_quoted(KIND)}", f"name = {_quoted(layout.name)}", "", "[source]"]
    lines += [f"format = {_quoted(layout.source)}", ""]
    for field in FIELDS:
        rule = _rule(layout, field)
        if rule:
            lines += [f"[fields.{field}]", *(f"{key} = {_quoted(value)}" for key, value in rule.items()), ""]
    return "\n".join(lines)


def _rule(layout: Layout, field: str) -> dict[str, Any]:
    columns = layout.columns.get(field) or []
    if field == "external_id" and not columns:
        parts = [column for name in _TOGETHER for column in layout.columns.get(name, [])]
        # Of what is said twice, once is enough.
        return {"columns": list(dict.fromkeys(parts)), "separator": "|", "required": True} if parts else {}
    if not columns:
        if field == "state":
            return {"constant": layout.state}
        return {"constant": words.NOWHERE} if field in _NEEDED else {}
    rule: dict[str, Any] = {"column": columns[0]} if len(columns) == 1 else {"columns": columns}
    if field in MOMENTS:
        rule |= {"type": MOMENTS[field], "formats": layout.formats.get(field) or ["any"]}
        if MOMENTS[field] == "datetime":
            rule["zone"] = layout.zone
    elif field == "duration_min":
        # Also of "60 min" and "90分钟".
        rule |= {"type": "integer", "extract": r"\d+"}
    elif field in ("external_id", *_NEEDED, "state"):
        rule["required"] = True
    return rule


def _quoted(value: object) -> str:
    """A value as TOML writes it, which is as JSON does."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
