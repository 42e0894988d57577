"""Where tills, marketplaces and ERPs send their orders, signed; and where they ask how many arrived."""

import datetime as dt
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from yundian.channels.errors import BatchMalformed, ChannelPaused, ChannelUnknown
from yundian.channels.schemas import (
    CountsRead,
    SyncAnswer,
    SyncBatch,
    SyncOperation,
    answer_of,
    day_of,
    too_large,
)
from yundian.channels.service import counting, syncing
from yundian.channels.service.counting import CountedBy
from yundian.platform.auth.api import SIGNABLE, Signed
from yundian.platform.auth.errors import RequestReplayed, SignatureExpired, SignatureRequired
from yundian.platform.auth.guards import requires, requires_scope
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.openapi import refusals

SCOPE = "orders:write"

senders = requires_scope(SCOPE)
counters = requires(Role.HQ_ADMIN, Role.HQ_ANALYST, scope=SCOPE)

First = Annotated[dt.date | None, QueryParameter(name="from", description="In the channel's zone")]
Last = Annotated[dt.date | None, QueryParameter(name="to", description="In the channel's zone, included")]
By = Annotated[CountedBy, QueryParameter(description="A document's day: when it happened, or was received")]

_batches = msgspec.json.Decoder(SyncBatch)


class SyncController(Controller):
    path = "/orders/sync"

    @post(
        operation_id="channels_sync_orders",
        guards=[senders],
        status_code=200,
        # A signature proves who sent it; there is nothing to forge.
        opt={**SIGNABLE, "exclude_from_csrf": True},
        request_max_body_size=syncing.MAX_BODY_BYTES,
        operation_class=SyncOperation,
        responses={
            **refusals(
                BatchMalformed,
                SignatureExpired,
                SignatureRequired,
                ChannelUnknown,
                ChannelPaused,
                RequestReplayed,
            ),
            413: too_large(),
        },
    )
    async def sync_orders(
        self,
        request: Request[Principal, Signed | None, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> SyncAnswer:
        """Take in up to 100 documents of one channel, each alone: one that is wrong stops no other.

        Send `Authorization: Bearer yk_<key id>` (without the secret) and the headers of Standard Webhooks:
        `webhook-id` (the same when you send it again), `webhook-timestamp` (seconds since 1970, at most five
        minutes off) and `webhook-signature`: `v1,` and the base64 of HMAC-SHA256, keyed with the bytes of the
        key's secret, over `<webhook-id>.<webhook-timestamp>.<body>`. A signature is good once: sign anew to send
        again.

        A document is known by its channel, shop and `external_id`. The same content again changes nothing; an
        older `version` (or `updated_at`) never overwrites a newer one; what is wrong waits in quarantine as it
        was sent.
        """
        signed = request.auth
        if signed is None:
            raise SignatureRequired
        batch = _decoded(await request.body())
        outcomes = await syncing.sync(
            services.database,
            brand=principal.brand,
            keyring=services.keyring,
            channel=batch.channel,
            documents=[bytes(document) for document in batch.documents],
            signed=signed,
        )
        return answer_of(batch.channel, outcomes)

    @get(
        "/{channel:str}/counts",
        operation_id="channels_count_documents",
        guards=[counters],
        opt=SIGNABLE,
        responses=refusals(SignatureExpired, ChannelUnknown),
    )
    async def count_documents(
        self,
        channel: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        from_day: First = None,
        to_day: Last = None,
        by: By = CountedBy.OCCURRED,
    ) -> CountsRead:
        """Count what arrived, day by day, at most 31 days; without days the last seven.

        Compare it with your own count: a day with fewer `sales` here has documents that were never sent.
        """
        counts = await counting.count_days(
            services.database, brand=principal.brand, channel=channel, by=by, first=from_day, last=to_day
        )
        return CountsRead(
            channel=channel,
            time_zone=counts.time_zone,
            by=by.value,
            days=[day_of(count) for count in counts.days],
        )


def _decoded(body: bytes) -> SyncBatch:
    """The batch, its documents still as they were sent. What is wrong with its frame refuses all of it."""
    try:
        return _batches.decode(body)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BatchMalformed(reason=str(error)[:200] or "nested too deeply") from error
