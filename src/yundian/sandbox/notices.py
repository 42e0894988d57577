"""The courier: delivers notices as the providers do, with their real schedules, until accepted or given up."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import msgspec
import structlog

from yundian.platform.core import clock
from yundian.platform.core.steps import step
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import OF_DELIVERIES, OF_POSTING, Fault, Plan

_log = structlog.get_logger()
_IDLE_S = 0.2
_ANSWER_KEPT = 300


class Notice(msgspec.Struct, kw_only=True):
    """One notice on its way; ``fields`` is what it says, signed anew at each attempt."""

    id: int
    provider: str
    operation: str
    merchant: str
    key: str
    url: str
    fields: dict[str, Any]
    state: str
    attempts: int


@dataclass(frozen=True)
class Outgoing:
    url: str
    body: bytes
    content_type: str
    authorization: str = ""


class Sender(Protocol):
    """How one provider writes a notice, knows a good answer, and tries again (seconds after each failure)."""

    @property
    def retries_s(self) -> tuple[float, ...]:
        """The pauses after the first, second … failure; after the last one it gives up."""

    def render(self, sandbox: Sandbox, notice: Notice, plan: Plan) -> Outgoing:
        """The request to make."""

    def accepts(self, sandbox: Sandbox, notice: Notice, *, status: int, answer: bytes) -> bool:
        """Whether the other side took it."""


def post(
    sandbox: Sandbox,
    *,
    provider: str,
    operation: str,
    merchant: str,
    key: str,
    url: str,
    fields: Mapping[str, Any],
) -> int | None:
    """Put a notice on its way, in the caller's transaction; its number, or None where nobody is to be told."""
    if not url:
        return None
    plan = sandbox.faults.take(provider, operation, key, only=OF_POSTING)
    state = "lost" if plan.has(Fault.LOST) else "behind" if plan.has(Fault.OUT_OF_ORDER) else "pending"
    values = {
        "provider": provider,
        "operation": operation,
        "merchant": merchant,
        "key": key,
        "url": url,
        "fields": json.dumps(dict(fields), ensure_ascii=False),
        "state": state,
        "created_at": clock.now().timestamp(),
        "next_due": sandbox.clock.tick(),
    }
    sandbox.wake.set()
    return sandbox.store.insert("notice", values)


def send_again(sandbox: Sandbox, notice_id: int, *, times: int = 1) -> bool:
    """Deliver the same notice again, now, whatever became of it; each copy has a life of its own."""
    found = sandbox.store.row("SELECT * FROM notice WHERE id = ?", notice_id)
    if found is None:
        return False
    changes = {"id": None, "state": "pending", "attempts": 0, "next_due": sandbox.clock.tick()}
    with sandbox.store.transaction():
        for _ in range(times):
            sandbox.store.insert("notice", {**found, **changes})
    sandbox.wake.set()
    return True


def forget(sandbox: Sandbox, merchant: str) -> int:
    """Give up on whatever is still on its way to a merchant (a glob); how many notices that were."""
    sql = "UPDATE notice SET state = 'given_up' WHERE state IN ('pending', 'behind') AND merchant GLOB ?"
    return sandbox.store.run(sql, merchant)


class Courier:
    """Runs beside the web application; ``housekeeping`` runs once a round (refunds settle, orders expire)."""

    def __init__(
        self, sandbox: Sandbox, senders: Mapping[str, Sender], housekeeping: Callable[[Sandbox], None]
    ) -> None:
        self._sandbox = sandbox
        self._senders = senders
        self._housekeeping = housekeeping
        self._on_the_way: set[int] = set()

    async def run(self) -> None:
        """Until cancelled."""
        limits = httpx.Limits(max_connections=self._sandbox.config.notices_at_once)
        timeout = self._sandbox.config.notice_timeout_s
        async with (
            httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            while True:
                self._sandbox.wake.clear()
                try:
                    self._round(client, group)
                except Exception:
                    # A provider whose courier died would be silent for ever and look healthy.
                    _log.exception("sandbox.courier_failed")
                await self._rest()

    def _round(self, client: httpx.AsyncClient, group: asyncio.TaskGroup) -> None:
        self._housekeeping(self._sandbox)
        for notice in self._due():
            self._on_the_way.add(notice.id)
            group.create_task(self._deliver(client, notice))

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(_IDLE_S):
                await self._sandbox.wake.wait()
        except TimeoutError:
            return

    def _due(self) -> list[Notice]:
        room = self._sandbox.config.notices_at_once - len(self._on_the_way)
        rows = self._sandbox.store.rows(
            "SELECT * FROM notice WHERE state = 'pending' AND next_due <= ? ORDER BY next_due, id LIMIT ?",
            self._sandbox.clock.tick(),
            max(0, room) + len(self._on_the_way),
        )
        fresh = [row for row in rows if row["id"] not in self._on_the_way]
        return [
            msgspec.convert({**row, "fields": json.loads(row["fields"])}, Notice, strict=False) for row in fresh
        ]

    async def _deliver(self, client: httpx.AsyncClient, notice: Notice) -> None:
        sandbox = self._sandbox
        plan = sandbox.faults.take(notice.provider, notice.operation, notice.key, only=OF_DELIVERIES)
        try:
            await asyncio.sleep(plan.number(Fault.DELAY, "seconds", 1) if plan.has(Fault.DELAY) else 0)
            copies = 1 + (int(plan.number(Fault.DUPLICATE, "times", 1)) if plan.has(Fault.DUPLICATE) else 0)
            sender = self._senders[notice.provider]
            outgoing = sender.render(sandbox, notice, plan)
            answers = await asyncio.gather(*(_send(client, outgoing) for _ in range(copies)))
            step("sandbox.notice.sent")
            with sandbox.store.transaction():
                for status, answer in answers:
                    good = sender.accepts(sandbox, notice, status=status, answer=answer)
                    _note_attempt(sandbox, notice, plan, status=status, answer=answer, accepted=good)
                _decide(sandbox, notice, sender)
        except Exception:
            # One notice that cannot be written must not stop all others.
            _log.exception("sandbox.notice_failed", notice=notice.id, operation=notice.operation)
            sandbox.store.run("UPDATE notice SET state = 'given_up' WHERE id = ?", notice.id)
        finally:
            self._on_the_way.discard(notice.id)
            sandbox.wake.set()


async def _send(client: httpx.AsyncClient, outgoing: Outgoing) -> tuple[int, bytes]:
    headers = {"content-type": outgoing.content_type}
    if outgoing.authorization:
        headers["authorization"] = outgoing.authorization
    try:
        answer = await client.post(outgoing.url, content=outgoing.body, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return 0, type(error).__name__.encode()
    return answer.status_code, answer.content


def _note_attempt(
    sandbox: Sandbox, notice: Notice, plan: Plan, *, status: int, answer: bytes, accepted: bool
) -> None:
    values = {
        "notice_id": notice.id,
        "at": clock.now().timestamp(),
        "faults": plan.names(),
        "status": status,
        "answer": answer.decode(errors="replace")[:_ANSWER_KEPT],
        "accepted": int(accepted),
    }
    sandbox.store.insert("notice_attempt", values)


def _decide(sandbox: Sandbox, notice: Notice, sender: Sender) -> None:
    """Accepted once is enough; else the next time of the schedule, or never again. Then held ones go out."""
    store = sandbox.store
    accepted = store.value("SELECT max(accepted) FROM notice_attempt WHERE notice_id = ?", notice.id)
    retries = sender.retries_s
    if accepted:
        state, due = "accepted", 0.0
    elif notice.attempts < len(retries):
        state = "pending"
        due = sandbox.clock.tick() + retries[notice.attempts] / sandbox.config.time_scale
    else:
        state, due = "given_up", 0.0
    store.run(
        "UPDATE notice SET state = ?, next_due = ?, attempts = attempts + 1 WHERE id = ?", state, due, notice.id
    )
    store.run(
        "UPDATE notice SET state = 'pending', next_due = ? WHERE state = 'behind' AND provider = ?",
        sandbox.clock.tick(),
        notice.provider,
    )
