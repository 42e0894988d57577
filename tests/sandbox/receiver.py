"""A merchant's server: takes notices on loopback and answers as told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    content_type: str


Answer = Callable[[Received], tuple[int, bytes]]
WECHAT_OK = b"<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>"


@dataclass
class Merchant:
    """``answer`` may be replaced at any time."""

    url: str
    answer: Answer
    received: list[Received] = field(default_factory=list)

    def at(self, path: str) -> list[Received]:
        """What came to a path, oldest first."""
        return [each for each in self.received if each.path == path]


def polite(received: Received) -> tuple[int, bytes]:
    """What each provider wants to hear."""
    if "echostr" in received.query:
        return 200, received.query["echostr"].encode()
    return 200, b"success" if "alipay" in received.path or "push" in received.path else WECHAT_OK


@contextmanager
def open_merchant() -> Iterator[Merchant]:
    merchant = Merchant(url="", answer=polite)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            query = dict(parse_qsl(parts.query))
            content_type = self.headers.get("content-type", "")
            taken = Received(self.command, parts.path, query, body, content_type)
            merchant.received.append(taken)
            status, answer = merchant.answer(taken)
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST  # noqa: N815  (the library looks for this name)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    merchant.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield merchant
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
