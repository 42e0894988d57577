"""Why a record was not taken in, in the reader's language: others' words are known, what they quote is kept."""

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from yundian.platform.intake.errors import BadMapping
from yundian.platform.intake.mapping import parse
from yundian.platform.intake.types import Problem
from yundian.platform.web import reasons


class Record(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=2, max_length=4)] = "name"
    code: Annotated[str, Meta(pattern="^[A-Z]+$")] = "A"
    kind: Literal["a", "b"] = "a"
    count: Annotated[int, Meta(ge=1, le=9)] = 1
    at: Annotated[dt.datetime, Meta(tz=True)] | None = None
    day: dt.date | None = None


class Needy(msgspec.Struct):
    name: str


@pytest.mark.parametrize(
    "values",
    [
        {"name": "n"}, {"name": "names"}, {"name": None}, {"name": 3}, {"code": "a"}, {"kind": "c"}, {"count": 0},
        {"count": 10}, {"at": "soon"}, {"at": "2026-01-01T00:00:00"}, {"day": "2026"}, {"other": 1},
    ],
)  # fmt: skip
def test_what_the_validator_says_is_known(values: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(msgspec.json.encode(values), type=Record)

    said = str(refused.value).partition(" - at ")[0]

    assert [one.text for one in reasons._KNOWN if one.pattern.fullmatch(said)], said


def test_a_missing_field_is_known_and_a_mapping_s_mistake_keeps_what_it_quotes() -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(b"{}", type=Needy)
    with pytest.raises(BadMapping) as bad:
        parse('kind = "x"\nname = "x"\n[fields.a]\nvalue = "nothing + 1"\n', file="m")

    assert reasons.said(str(refused.value)) != ""
    assert [one for one in reasons._KNOWN if one.pattern.fullmatch(str(refused.value))]
    assert "nothing" in reasons.said(str(bad.value.facts["reason"]))


def test_a_sentence_keeps_its_words_beside_what_stands_in_them() -> None:
    problem = Problem.quoting("x.y", "%(value)s is not a number", "price", value="100 %")

    assert problem.reason == "100 % is not a number"
    assert "100 %" in reasons.reason_of(problem)
    # A translation that fits the words of another release never hides the reason.
    assert reasons.reason_of(Problem("x.y", "as it was", "", "%(other)s is gone", {"value": 1})) == "as it was"
