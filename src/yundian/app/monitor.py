"""``/metrics`` of a worker, for machines on which no web process answers."""

import contextlib
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog

from yundian.app.health import may_measure
from yundian.platform.core import figures
from yundian.platform.core.settings import Settings

log = structlog.get_logger("yundian.monitor")

_SECONDS = 10


class _Quiet(WSGIRequestHandler):
    """Writes no lines, and waits for no caller for long."""

    timeout = _SECONDS

    def log_message(self, *_args: object) -> None:
        return


@contextlib.contextmanager
def watched(settings: Settings) -> Iterator[None]:
    """Answer on ``metrics_port`` while the block runs.

    Of several workers on one machine one has the port: its answer is all of theirs.
    """
    if not settings.metrics_port:
        yield
        return
    try:
        server = make_server(settings.host, settings.metrics_port, _answers(settings), WSGIServer, _Quiet)
    except OSError as error:
        log.warning("monitor.port_taken", port=settings.metrics_port, error=type(error).__name__)
        yield
        return
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(_SECONDS)


def _answers(settings: Settings) -> Callable[[dict[str, Any], Any], list[bytes]]:
    def answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        sent, peer = environ.get("HTTP_AUTHORIZATION", ""), environ.get("REMOTE_ADDR", "")
        if environ.get("PATH_INFO") != "/metrics" or not may_measure(settings, authorization=sent, peer=peer):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b""]
        start_response("200 OK", [("Content-Type", figures.MEDIA_TYPE)])
        return [figures.text()]

    return answer
