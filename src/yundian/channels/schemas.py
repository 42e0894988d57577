"""The wire: batches of documents, what became of each, and the counts a source compares with its own."""

import datetime as dt
from typing import Annotated, Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody

from yundian.channels.service.counting import DayCount
from yundian.channels.service.syncing import MAX_DOCUMENTS, Synced
from yundian.channels.types import OrderDocument, Outcome

ChannelCode = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,31}$", examples=["tills"])]


class SyncBatch(msgspec.Struct, frozen=True):
    """Documents of one channel. Each is kept as it was sent, and read alone."""

    channel: ChannelCode
    documents: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=MAX_DOCUMENTS)]


class SyncedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one document. ``code``, ``reason`` and ``field`` say why it was quarantined."""

    external_id: str
    result: Annotated[
        str,
        msgspec.Meta(
            description="applied | unchanged (the same content was here) | stale (a newer one was) | quarantined"
        ),
    ]
    code: str = ""
    reason: str = ""
    field: str = ""


class SyncAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The counts, and each document in the order it was sent. Everything is committed when this is answered."""

    channel: str
    applied: int
    unchanged: int
    stale: int
    quarantined: int
    documents: list[SyncedDocument]


class DayCountRead(msgspec.Struct, frozen=True, kw_only=True):
    """One day of a channel: the contents received, and how many different documents they are of.

    ``sales``, ``refunds``, ``adjustments`` and ``ignored`` count external numbers, each once. ``quarantined`` were
    received on that day, whatever day they are of, and wait for somebody.
    """

    day: dt.date
    received: int
    applied: int
    stale: int
    quarantined: int
    sales: int
    refunds: int
    adjustments: int
    ignored: int


class CountsRead(msgspec.Struct, frozen=True, kw_only=True):
    """The days of a channel that have any, in its zone."""

    channel: str
    time_zone: str
    by: str
    days: list[DayCountRead]


def answer_of(channel: str, synced: list[Synced]) -> SyncAnswer:
    results = [_result(one) for one in synced]
    return SyncAnswer(
        channel=channel,
        **{name: results.count(name) for name in ("applied", "unchanged", "stale", "quarantined")},
        documents=[_wire(one) for one in synced],
    )


def _result(one: Synced) -> str:
    return "quarantined" if one.outcome is Outcome.REFUSED else one.outcome.value


def _wire(one: Synced) -> SyncedDocument:
    problem = one.problem
    if problem is None:
        return SyncedDocument(external_id=one.external_id, result=_result(one))
    return SyncedDocument(
        external_id=one.external_id,
        result=_result(one),
        code=problem.code,
        reason=problem.reason,
        field=problem.column,
    )


def day_of(count: DayCount) -> DayCountRead:
    return msgspec.convert(count, DayCountRead, from_attributes=True)


EXAMPLE: dict[str, Any] = {
    "channel": "tills",
    "documents": [
        {
            "shop_code": "SH-001",
            "external_id": "POS7-20260520-0042",
            "version": 1,
            "placed_at": "2026-05-20T18:03:11+08:00",
            "paid_at": "2026-05-20T18:03:40+08:00",
            "state": "completed",
            "currency": "CNY",
            "total_minor": 12_900,
            "paid_minor": 12_900,
            "buyer": {"identities": [{"type": "phone", "value": "13800138000", "verified": True}]},
            "lines": [{"sku": "LIP-01", "quantity": 1, "unit_minor": 12_900, "total_minor": 12_900}],
        }
    ],
}


class SyncOperation(Operation):
    """Describes the body, which the handler reads by itself: as it was sent, to the letter."""

    def __post_init__(self) -> None:
        self.request_body = RequestBody(
            required=True,
            description="Documents of one channel, at most 100; 4 MiB at most",
            content={"application/json": OpenAPIMediaType(schema=_batch_schema(), example=EXAMPLE)},
        )


def too_large() -> ResponseSpec:
    return ResponseSpec(None, description="The body is longer than 4 MiB", generate_examples=False)


def _batch_schema() -> Any:
    (document,), parts = msgspec.json.schema_components([OrderDocument], ref_template="{name}")
    return {
        "type": "object",
        "title": "SyncBatch",
        "required": ["channel", "documents"],
        "properties": {
            "channel": {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}$"},
            "documents": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_DOCUMENTS,
                "items": _inlined(document, parts),
            },
        },
    }


def _inlined(schema: Any, parts: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(one, parts) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(parts[schema["$ref"]], parts)
    return {key: _inlined(value, parts) for key, value in schema.items()}
