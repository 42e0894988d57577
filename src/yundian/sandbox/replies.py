"""One exchange with a client: take the faults, let the provider act, and deliver its answer well or badly."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from litestar import Response
from litestar.response import Stream

from yundian.platform.core import clock
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import OF_REPLIES, Fault, Plan

_CUT_LENGTH = "1024"


@dataclass(frozen=True)
class Reply:
    """What the provider answers; ``outcome`` is its code, for the journal."""

    body: bytes
    media_type: str
    outcome: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """Who is asked what; ``key`` is the order, refund or user number that fault rules can name."""

    provider: str
    operation: str
    key: str = ""


async def exchange(sandbox: Sandbox, call: Call, act: Callable[[Plan], Reply]) -> Response[Any]:
    """Answer one request. ``act`` commits its effect and never awaits, so it is atomic."""
    plan = sandbox.faults.take(call.provider, call.operation, call.key, only=OF_REPLIES)
    early = plan.is_set(Fault.DELAY, "before_commit")
    if early:
        await asyncio.sleep(plan.number(Fault.DELAY, "seconds", 1))
    if plan.has(Fault.DOWN):
        _note(sandbox, call, plan, outcome="down")
        return _down(int(plan.number(Fault.DOWN, "status", 503)))
    with sandbox.store.transaction():
        reply = act(plan)
        _note(sandbox, call, plan, outcome=reply.outcome)
    sandbox.wake.set()
    if plan.has(Fault.DELAY) and not early:
        await asyncio.sleep(plan.number(Fault.DELAY, "seconds", 1))
    return _deliver(reply, plan)


def _note(sandbox: Sandbox, call: Call, plan: Plan, *, outcome: str) -> None:
    values = {
        "at": clock.now().timestamp(),
        "provider": call.provider,
        "operation": call.operation,
        "key": call.key,
        "outcome": outcome,
        "faults": plan.names(),
    }
    sandbox.store.insert("call", values)


def _down(status: int) -> Response[Any]:
    if status == 0:
        return _cut()
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>gateway</body></html>"
    return Response(page, media_type="text/html", status_code=status)


def _deliver(reply: Reply, plan: Plan) -> Response[Any]:
    if plan.has(Fault.DROP):
        return _cut()
    body = plan.text(Fault.BODY, "text").encode() if plan.has(Fault.BODY) else reply.body
    if plan.has(Fault.DRIP):
        pieces = _drip(body, pieces=int(plan.number(Fault.DRIP, "pieces", 10)), plan=plan)
        return Stream(pieces, media_type=reply.media_type, status_code=reply.status)
    return Response(body, media_type=reply.media_type, status_code=reply.status, headers=dict(reply.headers))


async def _drip(body: bytes, *, pieces: int, plan: Plan) -> AsyncIterator[bytes]:
    size = max(1, -(-len(body) // max(1, pieces)))
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    for part in parts:
        await asyncio.sleep(plan.number(Fault.DRIP, "seconds", 2) / len(parts))
        yield part


def _cut() -> Response[Any]:
    """A head that promises a body, then nothing: the server closes the connection in the middle."""

    async def nothing() -> AsyncIterator[bytes]:
        yield b"<"

    return Stream(nothing(), headers={"content-length": _CUT_LENGTH}, status_code=200)
