"""A mapping is refused before the first line is read, with the key and what is allowed."""

import msgspec
import pytest

from yundian.platform.intake.errors import BadMapping
from yundian.platform.intake.mapping import check_fields, parse

HEAD = 'kind = "test.things"\nname = "m"\n'


class Thing(msgspec.Struct, kw_only=True):
    code: str
    name: str | None = None


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("kind = ", "", "not TOML"),
        (HEAD, "", "fields"),
        (HEAD + "[fields.code]\ncolumm = 'a'", "fields.code.columm", "unknown field"),
        (HEAD + "[source]\nformatt = 'csv'\n[fields.code]\ncolumn = 'a'", "source.formatt", "unknown field"),
        (HEAD + "[source]\nformat = 'xml'\n[fields.code]\ncolumn = 'a'", "source.format", "Invalid enum value"),
        (HEAD + "[source]\nencoding = 'utf-7'\n[fields.code]\ncolumn = 'a'", "source.encoding", "not supported"),
        (HEAD + "[source]\ndelimiter = '||'\n[fields.code]\ncolumn = 'a'", "source.delimiter", "one character"),
        (HEAD + "[source]\nheader = false\n[fields.code]\ncolumn = 'a'", "source.columns", "header"),
        (HEAD + "[fields.code]\nstrip = true", "fields.code", "exactly one source"),
        (HEAD + "[fields.code]\ncolumn = 'a'\nextract = '('", "fields.code.extract", "regular expression"),
        (HEAD + "[fields.code]\ncolumn = 'a'\nlookup = 'x'", "fields.code.lookup", "lookups.x"),
        (HEAD + "[fields.code]\ncolumn = 'a'\ntype = 'datetime'", "fields.code.formats", "format"),
        (
            HEAD + "[fields.code]\ncolumn = 'a'\ntype = 'datetime'\nformats = ['%Y']",
            "fields.code.zone",
            "without offset",
        ),
        (HEAD + "[fields.code]\ncolumn = 'a'\nzone = 'GMT+08:00 Asia/Beijing'", "fields.code.zone", "IANA"),
        (HEAD + "[fields.code]\ncolumn = 'a'\ntype = 'each'", "fields.code.fields", "each"),
        # What the libraries below do not expect of anybody.
        ("a = " + "[" * 20_000, "", "nested too deeply"),
        (HEAD + "a = " + "9" * 5_000, "", "not TOML"),
        (HEAD + f"[fields.code]\ncolumn = 'a'\nextract = '{'(' * 9_000}'", "fields.code.extract", "expression"),
        (HEAD + "[fields.code]\ncolumn = 'a'\nextract = 'a{1,99999999999}'", "fields.code.extract", "expression"),
        (HEAD + "[fields.code]\ncolumn = 'a'\ntype = 'integer'\nscale = 99999999", "fields.code.scale", "18"),
        (HEAD + "[fields.code]\ncolumn = 'a'\ntype = 'date'\nformats = ['%Y%Y']", "fields.code.formats", "%Y%Y"),
        (HEAD + "[fields.code]\ncolumn = 'a'\ntype = 'date'\nformats = ['%Y %Q']", "fields.code.formats", "%Q"),
        (HEAD + "[source]\nskip_lines = 99999999999\n[fields.code]\ncolumn = 'a'", "source.skip_lines", "10000"),
        (
            HEAD + "[source]\nformat = 'table'\nheader = false\n[fields.code]\ncolumn = 'a'",
            "source.format",
            "names",
        ),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_key(text: str, key: str, says: str) -> None:
    with pytest.raises(BadMapping) as refused:
        parse(text, file="m.toml")

    assert refused.value.facts["file"] == "m.toml"
    assert refused.value.facts["key"] == key
    assert says in str(refused.value.facts["reason"])


def test_an_unknown_key_is_told_with_the_allowed_ones() -> None:
    with pytest.raises(BadMapping) as refused:
        parse(HEAD + "[fields.code]\ncolumm = 'a'", file="m.toml")

    allowed = refused.value.facts["allowed"]
    assert isinstance(allowed, list)
    assert {"column", "constant", "lookup"} <= set(allowed)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (HEAD + "[fields.nmae]\ncolumn = 'a'", "fields.nmae"),
        (HEAD + "[fields.name]\ncolumn = 'a'", "fields.code"),
        (HEAD.replace("things", "shops") + "[fields.code]\ncolumn = 'a'", "kind"),
    ],
)
def test_a_mapping_must_fit_the_kind_of_thing(text: str, key: str) -> None:
    mapping = parse(text, file="m.toml")

    with pytest.raises(BadMapping) as refused:
        check_fields(mapping, Thing, kind="test.things", file="m.toml")

    assert refused.value.facts["key"] == key
