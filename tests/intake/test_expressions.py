"""How one field is made from a source's columns."""

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from yundian.platform.intake.expressions import Extractor, FieldProblem
from yundian.platform.intake.mapping import parse

LOOKUPS = '[lookups.zones]\n"GMT+08:00 Asia/Beijing" = "Asia/Shanghai"\n'


def field(rule: str, values: dict[str, Any]) -> Any:
    mapping = parse(f'kind = "k"\nname = "m"\n{LOOKUPS}[fields.x]\n{rule}', file="m.toml")
    return Extractor(mapping).fields(values)["x"]


@pytest.mark.parametrize(
    ("rule", "value", "made"),
    [
        ("column = 'a'", "  two words \n", "two words"),
        ("column = 'a'\nstrip = false", " x", " x"),
        ("column = 'a'", "   ", None),
        ("column = 'a'\nblank = ['-', 'null']", "null", None),
        ("column = 'a'\ndefault = 'CN'", "", "CN"),
        ("constant = 'CN'", "ignored", "CN"),
        ("constant = 7", "ignored", 7),
        ("column = 'a'\nhtml = true", "Lip&trade; &amp; Cheek", "Lip™ & Cheek"),
        (r"column = 'a'" + "\nextract = '([0-9]+)'", "No. 42 b", "42"),
        ("column = 'a'\nlookup = 'zones'", "GMT+08:00 Asia/Beijing", "Asia/Shanghai"),
        ("column = 'a'\nlookup = 'zones'\nunknown = 'keep'", "Asia/Tokyo", "Asia/Tokyo"),
        ("column = 'a'\nlookup = 'zones'\nunknown = 'blank'", "Asia/Tokyo", None),
        ("column = 'a'\ntype = 'integer'", "12", 12),
        ("column = 'a'\ntype = 'integer'\nscale = 2", "12.5", 1250),
        ("column = 'a'\ntype = 'integer'\nscale = 2\nrounding = 'half_up'", "0.125", 13),
        ("column = 'a'\ntype = 'decimal'", "12.50", Decimal("12.50")),
        ("column = 'a'\ntype = 'number'", "-3.25", -3.25),
        ("column = 'a'\ntype = 'boolean'", "是", True),
        ("column = 'a'\ntype = 'date'\nformats = ['%d/%m/%Y', '%Y-%m-%d']", "2020-02-29", dt.date(2020, 2, 29)),
        (
            "column = 'a'\ntype = 'datetime'\nformats = ['%Y-%m-%d %H:%M']\nzone = 'Asia/Shanghai'",
            "2020-02-21 00:30",
            dt.datetime(2020, 2, 20, 16, 30, tzinfo=dt.UTC),
        ),
        (
            "column = 'a'\ntype = 'datetime'\nformats = ['%Y-%m-%dT%H:%M:%S%z']",
            "2020-02-21T00:30:00+0200",
            dt.datetime(2020, 2, 20, 22, 30, tzinfo=dt.UTC),
        ),
        ("column = 'a'\ntype = 'list'", ["Vegan ", ""], ["Vegan"]),
        ("column = 'a'", None, None),
    ],
)
def test_a_rule_makes_its_value(rule: str, value: Any, made: Any) -> None:
    assert field(rule, {"a": value}) == made


@pytest.mark.parametrize(
    ("rule", "value", "code"),
    [
        ("column = 'a'\nrequired = true", " ", "intake.missing_value"),
        ("column = 'a'\nextract = '[0-9]+'", "none", "intake.no_match"),
        ("column = 'a'\nlookup = 'zones'", "Mars", "intake.unknown_value"),
        ("column = 'a'\ntype = 'integer'", "12,5", "intake.not_a_number"),
        ("column = 'a'\ntype = 'integer'", "1e999999999", "intake.not_a_number"),
        ("column = 'a'\ntype = 'decimal'", "NaN", "intake.not_a_number"),
        ("column = 'a'\ntype = 'integer'\nscale = 2", "0.125", "intake.too_many_places"),
        ("column = 'a'\ntype = 'boolean'", "perhaps", "intake.not_a_boolean"),
        ("column = 'a'\ntype = 'date'\nformats = ['%Y-%m-%d']", "2021-02-29", "intake.not_a_date"),
        ("column = 'a'", "a\x00b", "intake.unstorable_text"),
        ("column = 'a'", "a\ud800b", "intake.unstorable_text"),
        ("column = 'a'", {"b": 1}, "intake.not_a_value"),
        ("column = 'a'\ntype = 'list'", "x", "intake.not_a_list"),
    ],
)
def test_a_wrong_value_is_told_with_its_column(rule: str, value: Any, code: str) -> None:
    with pytest.raises(FieldProblem) as refused:
        field(rule, {"a": value})

    assert (refused.value.problem.code, refused.value.problem.column) == (code, "a")


def test_columns_are_joined_without_the_blank_ones() -> None:
    assert field("columns = ['a', 'b', 'c']\nseparator = '/'", {"a": "x", "b": "", "c": "z"}) == "x/z"


def test_a_dotted_column_walks_into_nested_objects() -> None:
    assert field("column = 'a.b'", {"a": {"b": "deep"}}) == "deep"
    assert field("column = 'a.b'", {"a": 3}) is None
    assert field("column = 'a.b'", {"a.b": "flat"}) == "flat"


def test_a_list_of_objects_becomes_a_list_of_records() -> None:
    rule = "column = 'a'\ntype = 'each'\n[fields.x.fields.hex]\ncolumn = 'hex_value'\nrequired = true\n"

    assert field(rule, {"a": [{"hex_value": "#fff"}, {"hex_value": " #000 "}]}) == [
        {"hex": "#fff"},
        {"hex": "#000"},
    ]
    with pytest.raises(FieldProblem) as refused:
        field(rule, {"a": [{"hex_value": "#fff"}, {}]})
    assert refused.value.problem.column == "a[1].hex_value"


def test_a_violated_constraint_is_told_under_the_name_of_the_source() -> None:
    class Thing(msgspec.Struct, kw_only=True):
        latitude: float

    mapping = parse('kind = "k"\nname = "m"\n[fields.latitude]\ncolumn = "Breite"', file="m.toml")

    with pytest.raises(FieldProblem) as refused:
        Extractor(mapping).record({"Breite": "north"}, Thing)

    assert refused.value.problem.column == "Breite"
    assert refused.value.problem.reason.startswith("latitude: Expected `float`")
