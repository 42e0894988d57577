"""WeChat's XML: one root, text children, CDATA; what it pushes may have children of children."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping


class NotXml(ValueError):
    """The text is not the flat XML that WeChat speaks."""


def parse(body: bytes) -> dict[str, str]:
    """Tag to text, untrimmed; empty elements give an empty text. Raises ``NotXml``."""
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise NotXml("a DTD is not allowed")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314
    except ElementTree.ParseError as error:
        raise NotXml(str(error)) from error
    return {child.tag: child.text or "" for child in root}


def dump(fields: Mapping[str, object], *, root: str = "xml") -> bytes:
    """Text in CDATA, numbers bare; a closing bracket in the text cannot break out."""
    parts = [f"<{root}>"]
    for name, value in fields.items():
        if isinstance(value, int):
            parts.append(f"<{name}>{value}</{name}>")
        elif isinstance(value, Mapping):
            parts.append(dump(value, root=name).decode())
        else:
            text = str(value).replace("]]>", "]]]]><![CDATA[>")
            parts.append(f"<{name}><![CDATA[{text}]]></{name}>")
    parts.append(f"</{root}>")
    return "\n".join(parts).encode()
