"""What is wrong with a value is known by its kind, whatever the validator's words quote."""

import datetime as dt
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from yundian.platform.web.faults import explain, field_error
from yundian.platform.web.kinds import INVALID, for_a_form, kind_of


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=2, max_length=4)] = "name"
    code: Annotated[str, Meta(pattern="^[A-Z]+$")] = "A"
    kind: Literal["a", "b"] = "a"
    count: Annotated[int, Meta(ge=1, le=9)] = 1
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    step: Annotated[int, Meta(multiple_of=5)] = 5
    price: Decimal = Decimal(1)
    is_open: bool = True
    lines: Annotated[list[int], Meta(min_length=1, max_length=2)] = msgspec.field(default_factory=lambda: [1])
    place: tuple[int, int] = (0, 0)
    id: uuid.UUID | None = None
    at: Annotated[dt.datetime, Meta(tz=True)] | None = None
    local: Annotated[dt.datetime, Meta(tz=False)] | None = None
    day: dt.date | None = None
    opens: dt.time | None = None
    lasts: dt.timedelta | None = None


class Needy(msgspec.Struct):
    name: str


@pytest.mark.parametrize(
    ("values", "code", "text"),
    [
        ({"name": "n"}, "too_short", "At least 2 characters"),
        ({"name": "names"}, "too_long", "At most 4 characters"),
        ({"name": None}, "null", "A value is needed here"),
        ({"name": 3}, "wrong_type", "A text"),
        ({"code": "a"}, "wrong_form", "Must look like ^[A-Z]+$"),
        ({"kind": "c"}, "not_allowed", "None of the allowed values"),
        ({"count": 0}, "too_small", "Not less than 1"),
        ({"count": 10}, "too_large", "Not more than 9"),
        ({"count": "1"}, "wrong_type", "A whole number"),
        ({"share": 0}, "too_small", "More than 0.0"),
        ({"share": 1}, "too_large", "Less than 1.0"),
        ({"step": 7}, "not_a_multiple", "A multiple of 5"),
        ({"price": "much"}, "wrong_type", "A number"),
        ({"is_open": "yes"}, "wrong_type", "true or false"),
        ({"lines": []}, "too_few", "At least 1 entries"),
        ({"lines": [1, 2, 3]}, "too_many", "At most 2 entries"),
        ({"lines": 1}, "wrong_type", "A list"),
        ({"place": [1]}, "wrong_length", "Not the right number of entries"),
        ({"id": "it"}, "wrong_type", "An id (UUID)"),
        ({"at": "soon"}, "wrong_type", "A time, like 2026-11-22T10:00:00+08:00"),
        ({"at": "2026-01-01T00:00:00"}, "no_offset", "The time needs its offset, like +08:00"),
        ({"local": "2026-01-01T00:00:00Z"}, "has_offset", "The time must have no offset"),
        ({"day": "2026"}, "wrong_type", "A day, like 2026-11-22"),
        ({"opens": "late"}, "wrong_type", "A time of day, like 10:00:00"),
        ({"lasts": "long"}, "wrong_type", "A duration, like PT1H30M"),
        ({"other": 1}, "unknown_field", "Unknown field"),
    ],
)  # fmt: skip
def test_each_kind_of_mistake_has_its_code_and_sentence(values: dict[str, Any], code: str, text: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(msgspec.json.encode(values), type=Body)

    told = explain(refused.value).errors[0]

    assert (told.field.partition(".")[0], told.code, told.message % told.facts) == (next(iter(values)), code, text)


def test_what_is_missing_is_named_whether_in_a_body_or_in_an_address() -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(b"{}", type=Needy)
    of_body = field_error(str(refused.value))
    of_address = field_error("Missing required query parameter 'day' for path https://shop.test/v1/x?a=%20")

    assert (of_body.field, of_body.code) == ("name", "required")
    assert (of_address.field, of_address.code) == ("day", "required")


def test_words_of_another_release_quote_nothing() -> None:
    unknown = kind_of("Expected something else, got `secret`")

    assert (unknown.code, unknown.text) == (INVALID, "This is not a valid value")


def test_somebody_who_fills_in_a_form_is_asked_for_a_number_and_told_of_bounds() -> None:
    assert for_a_form(kind_of("Expected `int`, got `str`")).text == "Enter a number"
    assert for_a_form(kind_of("Invalid RFC3339 encoded date")).text == "This is not a valid value"
    assert for_a_form(kind_of("Expected `int` >= 1")).text == "Not less than %(number)s"
