"""What a browser would send: the fields of a form on a page."""

from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self._select: str | None = None
        self._textarea: str | None = None
        self._text = ""
        self._chosen: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((values.get("action", ""), []))
        elif not self.forms:
            return
        elif tag == "input" and values.get("name"):
            is_on = "checked" in values or values.get("type") not in ("checkbox", "radio")
            if is_on:
                self._add(values["name"], values.get("value", "on"))
        elif tag == "select":
            self._select, self._chosen = values.get("name"), None
        elif tag == "option" and self._select and (self._chosen is None or "selected" in values):
            self._chosen = values.get("value", "")
        elif tag == "textarea":
            self._textarea, self._text = values.get("name"), ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._select:
            self._add(self._select, self._chosen or "")
            self._select = None
        elif tag == "textarea" and self._textarea:
            self._add(self._textarea, self._text)
            self._textarea = None

    def _add(self, name: str, value: str) -> None:
        self.forms[-1][1].append((name, value))


def fields_of(html: str, *, having: str) -> list[tuple[str, str]]:
    """The fields, in order, of the first form on the page that has one of this name."""
    parser = _Forms()
    parser.feed(html)
    for _action, fields in parser.forms:
        if having in dict(fields):
            return fields
    raise AssertionError(f"no form with a field {having!r}")


def names_of(html: str) -> list[str]:
    """The name of every field of every form of the page."""
    parser = _Forms()
    parser.feed(html)
    return sorted({name for _action, fields in parser.forms for name, _ in fields})


def filled(fields: list[tuple[str, str]], **values: str) -> list[tuple[str, str]]:
    """The fields with some values typed over; names may hold ``__`` for ``-``."""
    typed = {name.replace("__", "-"): value for name, value in values.items()}
    missing = set(typed) - {name for name, _ in fields}
    assert not missing, f"no such fields: {missing}"
    return [(name, typed.get(name, value)) for name, value in fields]


async def submit(
    client: httpx.AsyncClient, url: str, fields: list[tuple[str, str]], *, headers: dict[str, str]
) -> httpx.Response:
    """Send a form as a browser does."""
    return await client.post(
        url,
        content=urlencode(fields).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html", **headers},
    )
