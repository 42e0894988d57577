"""Values that break careless code, and ways to put them into a request that was right."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

DEEP = 20_000

# What JSON can say; lone surrogates travel as escapes.
VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff tail",
    "\u202eRTL \u200f\u061c",
    "🧑‍🧑‍🧒‍🧒" * 9,
    "e\u0301" * 40,
    "x" * 70_000,
    "%00%0a'; DROP TABLE brand; --",
    "{{ 7*7 }}<script>alert(1)</script>",
    "../../etc/passwd",
    "9999-12-31T23:59:59.999999+14:00",
    "0001-01-01T00:00:00Z",
    "99:99",
    "00000000-0000-0000-0000-000000000000",
    "NaN",
    "1e308",
    "١٢٣",
    -1,
    0,
    -0.0,
    1.5,
    1e308,
    -1e308,
    5e-324,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**400,
    [],
    [None],
    [[[[]]]],
    {},
    {"": None},
    {"\x00": "\ud800"},
)

# What a form, an address or a header can say: bytes as they travel.
TEXTS: tuple[bytes, ...] = (
    *(value.encode("utf-8", "surrogatepass") for value in VALUES if isinstance(value, str)),
    b"\xff\xfe",
    b"\xc0\x80",
    b"-1",
    b"0",
    b"-0",
    b"1.5",
    b"1e308",
    b"Infinity",
    b"9223372036854775807",
    b"9223372036854775808",
    b"9" * 5_000,
    b"true",
    b"[]",
    b"\r\nSet-Cookie: a=b",
)

# Whole bodies with the content type they claim.
BODIES: tuple[tuple[str, bytes], ...] = (
    ("application/json", b""),
    ("application/json", b"{"),
    ("application/json", b"null"),
    ("application/json", b"[]"),
    ("application/json", b'"text"'),
    ("application/json", b"NaN"),
    ("application/json", b'{"name": NaN}'),
    ("application/json", b'{"name": 1e999}'),
    ("application/json", b'{"name": "a", "name": 1}'),
    ("application/json", b"\xff\xfe{\x00}\x00"),
    ("application/json", b"\xef\xbb\xbf{}"),
    ("application/json", b'{"name": "\xff"}'),
    ("application/json", b'{"name": "\\ud800"}'),
    ("application/json", b"[" * DEEP),
    ("application/json", b'{"a":' * DEEP),
    ("application/json", b"[" * DEEP + b"]" * DEEP),
    ("application/json; charset=utf-16", b"{}"),
    ("application/json; charset=nonsense", b"{}"),
    ("application/xml", b"<a/>"),
    ("application/msgpack", b"\x81"),
    ("application/x-msgpack", b"\xc1\xff"),
    ("application/octet-stream", b"\x00" * 64),
    ("text/plain", b"{}"),
    ("", b"{}"),
    ("nonsense", b"{}"),
    ("application/x-www-form-urlencoded", b"a=%ff&b=%00&=&&&;=%"),
    ("application/x-www-form-urlencoded", b"a=1&" * 5_000),
    ("application/x-www-form-urlencoded; charset=utf-16", b"a=1"),
    ("multipart/form-data", b"--x"),
    ("multipart/form-data; boundary=", b"--x"),
    ("multipart/form-data; boundary=x", b""),
    ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--'),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n1'
        b"\r\n--x--\r\n",
    ),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="name"; filename="\xff\x00"\r\n\r\n\xff\x00\r\n--x--\r\n',
    ),
    ("multipart/form-data; boundary=" + "x" * 500, b"--x\r\n"),
)

HEADERS: tuple[tuple[str, bytes], ...] = (
    ("Idempotency-Key", b"\xff\xfe"),
    ("Idempotency-Key", b" "),
    ("Idempotency-Key", b"k" * 256),
    ("Idempotency-Key", b"k" * 20_000),
    ("X-Request-ID", b"\xff" * 20),
    ("X-Request-ID", b"a" * 5_000),
    ("Accept-Language", b"\xff;q=x,*;q=nan,zh;q=1e999"),
    ("Accept-Language", b"a" * 5_000),
    ("Accept", b"\xff"),
    ("Accept", b"text/html;q=nonsense, */*;q=-1"),
    ("Accept", b"image/png"),
    ("Cookie", b"=;\xff=\x01; locale=\xff; toast=%ff%00; locale"),
    ("Cookie", b"session=" + b"a" * 4_000),
    ("Cookie", b"toast=" + b"%F0%9F" * 40),
    ("Content-Length", b"-1"),
    ("Content-Length", b"nonsense"),
    ("Content-Encoding", b"gzip"),
    ("X-Forwarded-For", b"\xff, nonsense, ::1%eth0"),
    ("X-Forwarded-Proto", b"\xff"),
    ("Host", b"\xff"),
    ("HX-Request", b"true"),
    ("HX-Current-URL", b"\xff://["),
    ("Origin", b"null"),
    ("Referer", b"http://[::1"),
    ("Range", b"bytes=-1-"),
    ("If-None-Match", b'W/"\xff'),
    ("traceparent", b"00-\xff-x-01"),
    ("traceparent", b"00-00000000000000000000000000000000-0000000000000000-ff"),
)

AUTHORIZATIONS: tuple[bytes, ...] = (
    b"Bearer",
    b"Bearer ",
    b"Bearer \xff",
    b"Bearer .",
    b"Bearer a.b.c",
    b"Bearer " + b"A" * 22 + b"." + b"A" * 43,
    b"Bearer yd_" + b"x" * 60,
    b"Basic Og==",
    b"Basic \xff",
    b"nonsense",
    b"Bearer " + b"a" * 9_000,
)


def as_json(value: Any) -> bytes:
    """The body as it travels; lone surrogates stay escapes, NaN stays NaN."""
    return json.dumps(value).encode()


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The address of every leaf and branch of a JSON value, itself excepted."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


def planted(value: Any, path: tuple[Any, ...], hostile: Any) -> Any:
    """A copy with the value at this address replaced."""
    if not path:
        return hostile
    head, *rest = path
    if isinstance(value, list):
        return [planted(item, tuple(rest), hostile) if i == head else item for i, item in enumerate(value)]
    return {**value, head: planted(value.get(head), tuple(rest), hostile)}


def with_segment(path: str, index: int, hostile: bytes) -> str:
    """The address with one of its segments replaced."""
    head, question, query = path.partition("?")
    segments = head.split("/")
    segments[index] = quote(hostile, safe="")
    return "/".join(segments) + question + query
