"""Batches over HTTP: signed, each document alone, answered after the commit; strangers learn nothing."""

import base64
import datetime as dt
import hashlib
import hmac
import json
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.channels.makers import make_channel
from tests.channels.sender import PATH, Sender, batch, make_sender, sale
from tests.people import sign_in_as
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.channels.service import channels, syncing
from yundian.channels.types import ChannelFields
from yundian.platform.auth import api_keys
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.intake import sealing

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sender(client: httpx.AsyncClient, services: Services, brand: BrandView) -> Sender:
    await make_channel(services, brand, "pos")
    return await make_sender(client, services, brand)


async def rows(services: Services, brand: BrandView, sql: str, *args: object) -> list[tuple[Any, ...]]:
    async with services.database.connection(brand.id) as tx:
        return [tuple(row.values()) for row in await tx.fetch(sql, *args)]


async def inbox(services: Services, brand: BrandView) -> list[tuple[Any, ...]]:
    return await rows(services, brand, "SELECT external_id, state, version FROM channels_document ORDER BY 1, 3")


async def held(services: Services, brand: BrandView) -> list[tuple[Any, ...]]:
    found = await rows(services, brand, "SELECT code, raw_sealed FROM intake_quarantine ORDER BY code")
    return [(code, services.keyring.unseal(sealing.PURPOSE, sealed)) for code, sealed in found]


async def test_each_document_is_answered_alone_and_what_is_wrong_is_kept_to_the_letter(
    sender: Sender, services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand, fields=shop_fields("SH-7"))
    odd = b'{"external_id":  "T-3" , "total_minor": "12.90", "placed_at":"2026-05-20T18:03:11+08:00"}'
    bytes_ = b'{"external_id": "T-4", "source_state": "\xff"}'

    first = await sender.send([sale("T-1", shop_code="SH-7"), sale("T-2", shop_code="nowhere"), odd, bytes_])
    again = await sender.send([sale("T-1", shop_code="SH-7"), sale("T-1", shop_code="SH-7", version=3)])
    late = await sender.send([sale("T-1", 500, shop_code="SH-7", version=2)])

    assert first.status_code == 200, first.text
    answer = first.json()
    assert {key: answer[key] for key in ("channel", "applied", "unchanged", "stale", "quarantined")} == {
        "channel": "pos",
        "applied": 1,
        "unchanged": 0,
        "stale": 0,
        "quarantined": 3,
    }
    assert [(one["external_id"], one["result"], one["code"], one["field"]) for one in answer["documents"]] == [
        ("T-1", "applied", "", ""),
        ("T-2", "quarantined", "channels.unknown_shop", "shop_code"),
        ("T-3", "quarantined", "channels.invalid_value", "total_minor"),
        ("", "quarantined", "channels.not_json", ""),
    ]
    assert [one["result"] for one in again.json()["documents"]] == ["unchanged", "applied"]
    assert [one["result"] for one in late.json()["documents"]] == ["stale"]
    assert await inbox(services, brand) == [("T-1", "applied", 1), ("T-1", "stale", 2), ("T-1", "applied", 3)]
    found = await held(services, brand)
    assert [code for code, _ in found] == [
        "channels.invalid_value",
        "channels.not_json",
        "channels.unknown_shop",
    ]
    assert found[0][1] == odd.decode()
    assert found[1][1] == bytes_.decode("utf-8", "backslashreplace")
    assert await rows(services, brand, "SELECT external_id, fulfil_shop_id, total_minor FROM orders_order") == [
        ("T-1", shop.id, 12_900)
    ]


async def test_a_signature_by_hand_is_the_librarys_and_covers_every_byte(
    sender: Sender, services: Services, brand: BrandView
) -> None:
    body = batch([sale()])
    timestamp = str(int(dt.datetime.now(dt.UTC).timestamp()))
    mac = hmac.new(sender.secret.encode(), f"m1.{timestamp}.".encode() + body, hashlib.sha256).digest()
    headers = {
        "Authorization": f"Bearer yk_{sender.key_id}",
        "webhook-id": "m1",
        "webhook-timestamp": timestamp,
        # While a key changes two signatures may come; versions that nobody knows are passed over.
        "webhook-signature": f"v1a,xx v1,{'0' * 44} v1,{base64.b64encode(mac).decode()}",
    }

    changed = await sender.post(body.replace(b"12900", b"12901"), headers)
    right = await sender.post(body, headers)

    assert (changed.status_code, right.status_code) == (401, 200)
    assert await inbox(services, brand) == [("T-1", "applied", 1)]


async def test_whoever_is_not_right_learns_nothing(
    sender: Sender, client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    """Wrong, missing, foreign and revoked look the same, and nothing is written."""
    body = batch([sale()])
    good = sender.headers(body)
    other = await make_sender(client, services, brand)
    revoked = await make_sender(client, services, brand)
    async with services.database.unit_of_work(brand.id) as session:
        await api_keys.revoke_key(
            session, keyring=services.keyring, brand_id=brand.id, id=revoked.id, actor_id=None
        )
    wrong: list[dict[str, str]] = [
        {"Authorization": f"Bearer yk_{sender.key_id}"},
        good | {"Authorization": f"Bearer yk_{sender.key_id}.{other.secret}"},
        good | {"Authorization": f"Bearer yk_{other.key_id}"},
        good | {"Authorization": "Bearer yk_UNKNOWN"},
        good | {"webhook-id": "another"},
        good | {"webhook-timestamp": str(int(good["webhook-timestamp"]) + 1)},
        good | {"webhook-timestamp": "soon"},
        good | {"webhook-signature": "v1,%%%"},
        good | {"webhook-signature": good["webhook-signature"].replace("v1,", "v2,")},
        good | {"webhook-signature": ""},
        revoked.headers(body),
        {name: value for name, value in good.items() if name != "webhook-id"},
    ]

    answers = [await sender.post(body, headers) for headers in wrong]

    assert [(one.status_code, one.json()["code"]) for one in answers] == [(401, "auth.not_authenticated")] * len(
        wrong
    )
    assert len({json.dumps({k: v for k, v in one.json().items() if k != "request_id"}) for one in answers}) == 1
    assert await inbox(services, brand) == []
    assert (await sender.post(body, good)).status_code == 200
    with_secret = await sender.post(body, {"Authorization": f"Bearer yk_{sender.key_id}.{sender.secret}"})
    assert (with_secret.status_code, with_secret.json()["code"]) == (401, "auth.signature_required")
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    narrow = await make_sender(client, services, brand, scopes=["orders:read"])
    forbidden = [await client.post(PATH, content=body, headers=person.headers), await narrow.post(body)]
    assert [one.status_code for one in forbidden] == [403, 403]
    strange = await make_sender(client, services, other_brand)
    assert (await strange.post(body)).json()["code"] == "channels.channel_unknown"


async def test_a_signature_is_good_for_five_minutes_and_once(
    sender: Sender, services: Services, brand: BrandView
) -> None:
    body, now = batch([sale()]), dt.datetime.now(dt.UTC)
    minute = dt.timedelta(minutes=1)

    early = await sender.post(body, sender.headers(body, at=now - 6 * minute))
    future = await sender.post(body, sender.headers(body, at=now + 6 * minute))
    headers = sender.headers(body, message_id="m-1", at=now - 4 * minute)
    answers: list[httpx.Response] = []

    async def post() -> None:
        answers.append(await sender.post(body, headers))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(post)
    anew = await sender.post(body, sender.headers(body, message_id="m-1"))

    assert [(one.status_code, one.json()["code"]) for one in (early, future)] == [
        (401, "auth.signature_expired")
    ] * 2
    assert "server_time" in early.text
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
    assert {one.json().get("code") for one in answers if one.status_code == 409} == {"auth.request_replayed"}
    assert anew.json()["unchanged"] == 1
    assert await inbox(services, brand) == [("T-1", "applied", 1)]


async def test_what_was_not_taken_in_may_be_sent_with_the_same_signature(
    sender: Sender, services: Services, brand: BrandView
) -> None:
    """A signature is spent in the transaction of its batch: refused as a whole, it is not spent."""
    body = batch([sale()])
    headers = sender.headers(body)
    await _switch(services, brand, is_active=False)
    paused = await sender.post(body, headers)
    await _switch(services, brand, is_active=True)

    assert (paused.status_code, paused.json()["code"]) == (409, "channels.channel_paused")
    assert (await sender.post(body, headers)).status_code == 200


async def test_a_batch_without_a_frame_is_refused_as_a_whole(
    sender: Sender, services: Services, brand: BrandView
) -> None:
    many = [sale(f"T-{number}") for number in range(101)]
    bodies = {
        b"": 400,
        b"\xff\xfe": 400,
        b"[]": 400,
        b'{"channel": "pos"}': 400,
        b'{"channel": "POS!", "documents": [{}]}': 400,
        batch([]): 400,
        batch([b'{"external_id": 1,,}']): 400,
        batch(many): 400,
        batch([b"[" * 100_000 + b"]" * 100_000]): 400,
        batch([sale(), b" " * syncing.MAX_BODY_BYTES]): 413,
        batch([sale()], channel="unknown"): 404,
    }

    answers = {body: await sender.post(body) for body in bodies}

    assert {body[:40]: one.status_code for body, one in answers.items()} == {
        body[:40]: status for body, status in bodies.items()
    }
    assert {one.json()["code"] for one in answers.values()} >= {
        "channels.batch_malformed",
        "core.invalid_input",
        "channels.channel_unknown",
    }
    assert await inbox(services, brand) == []
    assert await held(services, brand) == []


_BROKEN = st.sampled_from(
    [
        b"null",
        b"17",
        b'"text"',
        b"[]",
        b"{}",
        b'{"external_id": ""}',
        b'{"external_id": "\\u0000"}',
        b'{"external_id": 5}',
        json.dumps(sale(total_minor=10**17)).encode(),
        json.dumps(sale(total_minor=1.5)).encode(),
        json.dumps(sale(placed_at="2026-05-20T18:03:11")).encode(),
        json.dumps(sale(placed_at="2026-02-30T18:03:11Z")).encode(),
        json.dumps(sale(placed_at="0001-01-01T00:00:00+14:00")).encode(),
        json.dumps(sale(currency="XYZ")).encode(),
        json.dumps(sale(currency="yuan")).encode(),
        json.dumps(sale(kind="gift")).encode(),
        json.dumps(sale(state="maybe")).encode(),
        json.dumps(sale(version=-1)).encode(),
        json.dumps(sale(external_id="x" * 121)).encode(),
        json.dumps(sale(shop_code="nowhere")).encode(),
        json.dumps(sale(source_state="\0")).encode(),
        json.dumps(sale(lines=[{}])).encode(),
        json.dumps(sale(lines=[{"sku": "S", "quantity": 10**10, "unit_minor": 1, "total_minor": 1}])).encode(),
        json.dumps(sale(refunds=[{"refund_id": "R", "at": "2026-05-21T00:00:00Z", "amount_minor": 0}])).encode(),
        json.dumps(sale(buyer={"identities": [{"type": "face", "value": "x"}]})).encode(),
        json.dumps(sale(buyer={"identities": [{"type": "card", "value": "x"}] * 11})).encode(),
        b'{"external_id": "T", "lines": ' + b"[" * 200 + b"]" * 200 + b"}",
    ]
)


async def test_one_broken_document_stops_no_other_wherever_it_stands(
    sender: Sender, services: Services, brand: BrandView
) -> None:
    cases: list[tuple[bytes, int]] = []

    @settings(max_examples=40, database=None)
    @given(broken=_BROKEN, position=st.integers(0, 3))
    def draw(broken: bytes, position: int) -> None:
        cases.append((broken, position))

    draw()
    for number, (broken, position) in enumerate(dict.fromkeys(cases)):
        good: list[Any] = [sale(f"N{number}-{part}") for part in range(3)]
        documents = [*good[:position], broken, *good[position:]]

        answer = await sender.send(documents)

        assert answer.status_code == 200, (broken, answer.text)
        results = [one["result"] for one in answer.json()["documents"]]
        expected = ["quarantined" if one is broken else "applied" for one in documents]
        assert results == expected, (broken, answer.text)
        problem = answer.json()["documents"][position]
        assert problem["code"].startswith("channels."), problem
        assert problem["reason"]
    kept = {raw for _, raw in await held(services, brand)}
    assert kept == {broken.decode() for broken, _ in cases}
    assert len(await inbox(services, brand)) == 3 * len(dict.fromkeys(cases))


async def test_a_source_finds_its_gaps_by_the_counts_of_each_day(
    sender: Sender, client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    await sender.send(
        [
            # In Shanghai this one is of the 21st.
            sale("T-1", placed_at="2026-05-20T17:00:00Z", paid_at=None),
            sale("T-2"),
            sale("T-2", version=2),
            sale("T-3", kind="refund"),
            sale("T-4", kind="adjustment"),
            sale("T-5", kind="ignored", shop_code=""),
            sale("T-6", shop_code="nowhere"),
        ]
    )
    person = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    path = f"{PATH}/pos/counts"

    by_day = await client.get(f"{path}?from=2026-05-19&to=2026-05-21", headers=person.headers)
    signed = await client.get(f"{path}?by=received", headers=sender.headers(b""))
    bearer = {"Authorization": f"Bearer yk_{sender.key_id}.{sender.secret}"}
    with_secret = await client.get(f"{path}?by=received", headers=bearer)
    refused = [
        await client.get(f"{path}?from=2026-05-02&to=2026-05-01", headers=bearer),
        await client.get(f"{path}?from=2026-01-01&to=2026-05-01", headers=bearer),
        await client.get(f"{PATH}/none/counts", headers=bearer),
        await client.get(path, headers=sender.headers(b"another body")),
        await client.get(path),
    ]

    def of(answer: httpx.Response) -> dict[str, tuple[int, ...]]:
        names = ("received", "applied", "stale", "quarantined", "sales", "refunds", "adjustments", "ignored")
        return {day["day"]: tuple(day[name] for name in names) for day in answer.json()["days"]}

    assert by_day.json()["time_zone"] == "Asia/Shanghai"
    assert of(by_day) == {
        "2026-05-20": (5, 5, 0, 0, 1, 1, 1, 1),
        "2026-05-21": (1, 1, 0, 0, 1, 0, 0, 0),
    }
    assert [sum(column) for column in zip(*of(signed).values(), strict=True)][4:] == [2, 1, 1, 1]
    assert next(iter(of(signed).values()))[3] == 1
    assert with_secret.json() == signed.json()
    assert [one.status_code for one in refused] == [400, 400, 404, 401, 401]


async def _switch(services: Services, brand: BrandView, *, is_active: bool) -> None:
    async with services.database.unit_of_work(brand.id) as session:
        channel = await channels.get_channel(session, code="pos")
        fields = ChannelFields(
            name_zh=channel.name_zh, name_en=channel.name_en, kind=channel.kind, is_active=is_active
        )
        await channels.change_channel(session, code="pos", fields=fields)
