"""The one seam under wechatpy: where requests go, how long they may take, and what is never written about them.

wechatpy has a dozen base addresses, forgets its timeout when it fetches tokens, and none of its timeouts is a
total. All of its requests pass through the adapter of their session.
"""

import logging
import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

# Both write addresses with secrets in them, or the secrets themselves, at DEBUG.
for _name, _level in (("wechatpy", logging.WARNING), ("urllib3.connectionpool", logging.ERROR)):
    logging.getLogger(_name).setLevel(_level)

CONNECT_S, READ_S, TOTAL_S = 3.0, 5.0, 10.0
_LONGEST_REPLY = 4 << 20
_PIECE = 1 << 16


class TooSlow(requests.exceptions.ReadTimeout):
    """The reply did not end in time, or does not end."""


class BrokenOff(requests.exceptions.ChunkedEncodingError):
    """The reply ended in the middle."""


class Reroute(HTTPAdapter):
    """Sends every request to one address, or where it was meant to go without one, within a total deadline."""

    def __init__(self, base_url: str, *, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._base = urlsplit(base_url) if base_url else None

    def send(self, request: Any, **options: Any) -> Any:  # type: ignore[override]
        end = time.monotonic() + TOTAL_S
        if self._base is not None:
            asked = urlsplit(request.url)
            request.headers["Host"] = asked.netloc
            request.url = urlunsplit(asked._replace(scheme=self._base.scheme, netloc=self._base.netloc))
        # A compressed reply would be unpacked before it is measured.
        request.headers["Accept-Encoding"] = "identity"
        response = super().send(request, **(options | {"timeout": (CONNECT_S, READ_S), "stream": True}))
        try:
            response._content = _read(response.raw, end)
            response._content_consumed = True
        except HTTPError as error:
            raise BrokenOff from error
        finally:
            response.close()
        return response


def _read(raw: Any, end: float) -> bytes:
    """Piece by piece as they arrive: a peer that drips passes every timeout of a single read."""
    body = bytearray()
    while piece := raw.read1(_PIECE):
        body += piece
        if time.monotonic() > end or len(body) > _LONGEST_REPLY:
            raise TooSlow
    return bytes(body)


def open_session(base_url: str, *, connections: int) -> requests.Session:
    """A session of the seam. The machine's proxies and ``.netrc`` have no say: they catch loopback too."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", Reroute(base_url, connections=connections))
    return session
