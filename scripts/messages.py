"""Brings the catalogue up to date with the code: new msgids come in, unused ones go; lists what is missing."""

import datetime as dt
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
PO = ROOT / "src/yundian/platform/web/locale/zh_CN/LC_MESSAGES/yundian.po"
_NO_DATE = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
FOLDERS = ("src/yundian", "stores", "groupbuy", "wishlist", "appointments")


def extracted() -> Catalog:
    """Every msgid in the code and the templates, with where it stands."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file, filename="babel.cfg")  # type: ignore[no-untyped-call]
    catalogue = Catalog(locale="zh_CN", project="yundian", fuzzy=False)
    for folder in FOLDERS:
        for name, _line, message, _comments, _context in extract_from_dir(
            ROOT / folder, method_map=methods, options_map=options
        ):
            # No line numbers: they would change the file with every edit of the code.
            catalogue.add(message, locations=[(f"{folder}/{name}", 0)])
    return catalogue


def current() -> Catalog:
    """The translations as they stand."""
    if not PO.exists():
        return Catalog(locale="zh_CN", project="yundian", fuzzy=False)
    with PO.open("rb") as file:
        return read_po(file, locale="zh_CN")


def missing(catalogue: Catalog) -> list[str]:
    """The msgids that have no translation."""
    return [str(m.id) for m in catalogue if m.id and (m.fuzzy or not _is_translated(m.string))]


def _is_translated(text: object) -> bool:
    return all(text) if isinstance(text, tuple | list) else bool(text)


def main() -> int:
    catalogue = current()
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    # A header that never changes by itself: no dates, no names.
    catalogue.creation_date = catalogue.revision_date = _NO_DATE
    catalogue.header_comment = "# Simplified Chinese."
    catalogue.version = catalogue.msgid_bugs_address = catalogue.last_translator = catalogue.language_team = ""
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalogue, width=100, sort_output=True, no_location=True)
    absent = missing(catalogue)
    for message in absent:
        sys.stdout.write(f"{message}\n")
    return 1 if absent else 0


if __name__ == "__main__":
    raise SystemExit(main())
