"""The door of WeChat's JSON API: errors are JSON with ``errcode`` and status 200."""

import json
from collections.abc import Callable
from typing import Any

from litestar import Response

from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import Fault, Plan
from yundian.sandbox.replies import Call, Reply, exchange

PROVIDER = "wechat"


class ApiError(Exception):
    """An error code of the API."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


Answer = dict[str, object] | bytes


async def serve(sandbox: Sandbox, operation: str, act: Callable[[], Answer], *, key: str = "") -> Response[Any]:
    """One call; bytes are an image."""
    return await exchange(sandbox, Call(PROVIDER, operation, key), lambda plan: _answer(plan, act))


def _answer(plan: Plan, act: Callable[[], Answer]) -> Reply:
    if plan.has(Fault.ERROR):
        code = int(plan.number(Fault.ERROR, "code", -1))
        return _failure(code, plan.text(Fault.ERROR, "message", "system error"))
    try:
        answer = act()
    except ApiError as error:
        return _failure(error.code, error.message)
    if isinstance(answer, bytes):
        return Reply(answer, "image/png", outcome="0")
    return Reply(json.dumps(answer, ensure_ascii=False).encode(), "application/json", outcome="0")


def _failure(code: int, message: str) -> Reply:
    body = json.dumps({"errcode": code, "errmsg": message}).encode()
    return Reply(body, "application/json", outcome=str(code))
