"""HQ's pages: channels with what came through them, documents beside what they became, and the quarantine."""

import json
import re
from typing import Any

import httpx
import pytest

from tests.channels.makers import document, line, make_channel, refund, take
from tests.channels.sender import Sender, make_sender, sale
from tests.channels.test_upload import MAPPING, Hq, csv_of
from tests.people import sign_in_as
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.channels.service.receiving import RAW
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

PATH = "/hq/channels"
HELD = f"{PATH}/quarantine"
FORM = {
    "name_zh": "门店收银",
    "name_en": "Tills",
    "kind": "till",
    "time_zone": "Asia/Shanghai",
    "currency": "CNY",
    "is_active": "on",
}

LINES = """
kind = "channels.orders"
name = "lines"
[source]
format = "csv"
[document]
by = ["no"]
[fields]
external_id = "number"
total_minor = "sum(total)"
[values.number]
column = "no"
[values.total]
column = "total"
type = "integer"
scale = 2
[fields.placed_at]
column = "at"
type = "datetime"
formats = ["%Y-%m-%d"]
zone = "Asia/Shanghai"
[fields.currency]
constant = "CNY"
[fields.shop_code]
column = "shop"
"""


@pytest.fixture
async def hq(client: httpx.AsyncClient, services: Services, brand: BrandView) -> Hq:
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    client.headers.update(person.headers)
    return Hq(client, services, brand)


@pytest.fixture
async def sender(hq: Hq, services: Services, brand: BrandView) -> Sender:
    await make_channel(services, brand, "pos")
    return await make_sender(hq.client, services, brand)


async def test_a_refund_leads_to_its_order_and_the_order_to_its_documents(
    hq: Hq, services: Services, brand: BrandView
) -> None:
    await make_channel(services, brand, "pos")
    await take(services, brand, document("B-1", kind="refund", refund_of="1001", lines=(line(3_00),)))
    [(waiting,)] = await hq.rows("SELECT id FROM channels_document WHERE external_id = 'B-1'")
    pages = {"Accept": "text/html"}
    alone = await hq.client.get(f"{PATH}/documents/{waiting}", headers=pages)
    told = refund("INSIDE", 1_00)
    sale = document("1001", refunds=(told,), country="CN", province="浙江省", total_minor=12_00)
    await take(services, brand, document("9001"), sale)
    [(order,)] = await hq.rows("SELECT id FROM orders_order WHERE external_id = '1001'")

    link, panel_link = f"/hq/orders/{order}", f"{PATH}/documents/of-order/{order}"
    page = await hq.client.get(f"{PATH}/documents/{waiting}", headers=pages)
    panel = await hq.client.get(panel_link, headers=pages)
    assert link in page.text
    assert "/hq/orders/" not in alone.text
    assert sorted(re.findall(r"(\S+)</a>", panel.text)) == ["1001", "B-1"]
    assert panel_link in (await hq.client.get(link, headers=pages)).text
    [shown] = (await hq.client.get("/v1/orders?number=1001")).json()["items"]
    assert [shown[name] for name in ("country", "province", "difference_minor")] == ["CN", "浙江省", 2_00]


async def test_adjustments_stand_beside_the_numbers_and_in_none_of_them(
    hq: Hq, services: Services, brand: BrandView
) -> None:
    await make_channel(services, brand, "pos")
    written_off = document("A-1", kind="adjustment", lines=(line(-11_00, 0),))
    corrected = document("A-2", kind="adjustment", lines=(line(4_50),))
    await take(services, brand, document("1001"), written_off, corrected)
    march = {"from": "2026-03-01", "to": "2026-03-31"}
    pages = {"Accept": "text/html"}

    async def beside(**asked: str) -> str:
        return (await hq.client.get(f"{PATH}/adjustments", params={**march, **asked}, headers=pages)).text

    shown = await beside(by="day", basis="cash")
    assert "6.50" in shown
    assert "/hq/channels/pos?kind=adjustment" in shown
    assert shown == (await beside(channel="pos")).replace("&amp;channel=pos", "")
    for elsewhere in ({"channel": "tmall"}, {"shop": "none"}, {"from": "2026-03-06"}):
        assert "6.50" not in await beside(**elsewhere)
    file = await hq.client.get(f"{PATH}/adjustments/csv", params=march)
    assert file.headers["content-type"].startswith("text/csv")
    assert [row.split(",")[3:] for row in file.text.splitlines()[1:]] == [
        ["A-1", "CNY", "-11.00"], ["A-2", "CNY", "4.50"]
    ]  # fmt: skip
    narrowed = await hq.client.get(f"{PATH}/adjustments/csv", params={**march, "shop": "none"})
    assert len(narrowed.text.splitlines()) == 1
    sales = (await hq.client.get("/hq/sales", params=march, headers=pages)).text
    assert f'hx-get="{PATH}/adjustments?' in sales
    assert "6.50" not in sales
    assert "10.00" in sales


async def held(hq: Hq, code: str = "") -> list[tuple[Any, ...]]:
    return await hq.rows(
        "SELECT id, state, code FROM intake_quarantine WHERE $1 IN ('', code) ORDER BY line, id", code
    )


async def test_a_channel_is_made_changed_paused_and_tells_what_came_through_it(
    hq: Hq, services: Services, brand: BrandView
) -> None:
    empty = [await hq.page(path) for path in (PATH, f"{PATH}/imports", HELD, f"{PATH}/imports/new")]
    bad = await hq.post(PATH, **FORM | {"code": "Bad Code", "currency": "XXQ"})
    made = await hq.post(PATH, **FORM, code="pos")
    double = await hq.post(PATH, **FORM, code="pos")
    fresh = await hq.page(f"{PATH}/pos")
    sender = await make_sender(hq.client, services, brand)
    await sender.send(
        [
            sale("T-1", 10_00),
            sale("T-2", 20_00),
            sale("T-2", 25_00, version=2),
            sale("T-3", 5_00, kind="refund"),
            sale("T-4", 7_00, kind="adjustment"),
            sale("T-5", 9_00, kind="ignored"),
        ]
    )
    totals, numbers = await hq.page(f"{PATH}/totals"), await hq.page(f"{PATH}/pos/numbers")
    refunds = await hq.page(f"{PATH}/pos?kind=refund")
    paused = await hq.post(f"{PATH}/pos", **{k: v for k, v in FORM.items() if k != "is_active"}, version="1")
    stale = await hq.post(f"{PATH}/pos", **FORM, version="1")

    words = ("No channel", "No orders", "Nothing here", "No channel")
    assert [word in shown for word, shown in zip(words, empty, strict=True)] == [True] * 4
    assert (bad.status_code, made.status_code, double.status_code) == (400, 303, 409)
    assert "Send documents with an API key" in fresh
    for text in ("CN¥35.00", "CN¥5.00", "CN¥7.00", "CN¥9.00"):
        assert text in totals
        assert text in numbers
    assert "2 documents" in totals
    assert ">T-3<" in refunds
    assert ">T-1<" not in refunds
    assert (paused.status_code, stale.status_code) == (303, 409)
    assert "Paused" in await hq.page(f"{PATH}/pos")
    assert (await hq.upload(csv_of(1))).status_code == 409


async def test_a_document_stands_beside_what_it_became_with_its_versions_in_order(hq: Hq, sender: Sender) -> None:
    for version in (2, 1, 3):
        await sender.send([sale("T-1", version * 100, version=version)])
    await sender.send([sale("R-1", 300, kind="refund")])
    documents = dict(await hq.rows("SELECT coalesce(version, 0), id FROM channels_document WHERE kind = 'sale'"))
    (refund,) = await hq.rows("SELECT id FROM channels_document WHERE kind = 'refund'")
    ((order_id, number),) = await hq.rows("SELECT id, number FROM orders_order")

    newest, old = (
        await hq.page(f"{PATH}/documents/{documents[3]}"),
        await hq.page(f"{PATH}/documents/{documents[1]}"),
    )

    assert f'<a href="/hq/orders/{order_id}">{number}</a>' in newest
    assert "&#34;external_id&#34;: &#34;T-1&#34;" in newest
    versions = [newest.index(text) for text in ("CN¥2.00", "CN¥1.00", "CN¥3.00")][:2]
    assert versions == sorted(versions)
    assert newest.count("Says it now") == 1
    assert "a newer version had come before" in old
    assert "number of its own" in await hq.page(f"{PATH}/documents/{refund[0]}")
    missing = await hq.client.get(f"{PATH}/documents/{new_id()}", headers={"Accept": "text/html"})
    assert missing.status_code == 404


async def test_a_sent_document_is_replayed_as_it_was_sent_discarded_and_taken_back(
    hq: Hq, sender: Sender, services: Services, brand: BrandView
) -> None:
    await sender.send([sale(f"T-{number}", shop_code="SH-NEW") for number in range(3)])
    await sender.send([b'{"external_id": "X"}'])
    rows = await held(hq, "channels.unknown_shop")
    first, second, third = (str(row[0]) for row in rows)
    ((broken, _, _),) = await held(hq, "channels.invalid_value")

    listed = await hq.page(f"{HELD}?code=channels.unknown_shop&channel=pos")
    shown = await hq.page(f"{HELD}/{first}")
    early = await hq.post(f"{HELD}/{first}/replay")
    discarded = await hq.post(f"{HELD}/{third}/discard")
    twice = await hq.post(f"{HELD}/{third}/discard")
    await make_shop(services, brand, fields=shop_fields("SH-NEW"))
    all_of_it = await hq.post(f"{HELD}/replay", code="channels.unknown_shop", channel="pos", run="")
    settled = await hq.post(f"{HELD}/{second}/replay")
    undone = await hq.post(f"{HELD}/{third}/undo")
    undone_twice = await hq.post(f"{HELD}/{third}/undo")
    one = await hq.post(f"{HELD}/{third}/replay")
    never = await hq.post(f"{HELD}/{broken}/replay")

    assert "SH-NEW" in shown
    assert len(re.findall(r'href="/hq/channels/quarantine/[0-9a-f-]{36}"', listed)) == 3
    assert (early.status_code, never.status_code) == (400, 400)
    assert (discarded.status_code, twice.status_code, undone.status_code, undone_twice.status_code) == (
        303,
        409,
        303,
        409,
    )
    assert (all_of_it.status_code, settled.status_code, one.status_code) == (303, 409, 303)
    assert {row[1] for row in await held(hq, "channels.unknown_shop")} == {"replayed"}
    assert await hq.rows("SELECT external_id FROM orders_order ORDER BY 1") == [("T-0",), ("T-1",), ("T-2",)]
    raw = json.dumps(sale("T-0", shop_code="SH-NEW"))
    assert [
        hq.services.keyring.unseal(RAW, sealed)
        for (sealed,) in await hq.rows("SELECT raw_sealed FROM channels_document WHERE external_id = 'T-0'")
    ] == [raw]
    assert "Nothing here" in await hq.page(f"{HELD}?show=discarded")


async def test_a_corrected_mapping_is_tried_on_the_document_and_replayed_for_all_of_its_reason(
    hq: Hq, services: Services, brand: BrandView
) -> None:
    await make_channel(services, brand, "pos")
    data = csv_of(2, *[f"B{number},2026/03/0{number + 1},5.00," for number in range(3)])
    await hq.work(await hq.keep(data))
    ids = [str(row[0]) for row in await held(hq, "intake.not_a_date")]
    better = MAPPING.replace('["%Y-%m-%d"]', '["%Y-%m-%d", "%Y/%m/%d"]')

    as_is = await hq.page(f"{HELD}/{ids[0]}")
    dry = await hq.post(f"{HELD}/{ids[0]}/try", mapping=better)
    wrong = await hq.post(f"{HELD}/{ids[0]}/try", mapping="kind =")
    before = await hq.rows("SELECT count(*) FROM orders_order")
    refused = await hq.post(f"{HELD}/{ids[0]}/replay", mapping="kind =")
    again = await hq.post(f"{HELD}/{ids[0]}/replay", mapping=MAPPING)
    one = await hq.post(f"{HELD}/{ids[0]}/replay", mapping=better)
    rest = await hq.post(f"{HELD}/{ids[1]}/replay", mapping=better, all="on")

    assert "is none of %Y-%m-%d" in as_is
    assert "2026-02-28T16:00:00Z" in dry.text
    assert "notice-bad" in wrong.text
    assert before == [(2,)]
    assert [answer.status_code for answer in (refused, again, one, rest)] == [400, 400, 303, 303]
    assert {row[1] for row in await held(hq)} == {"replayed"}
    assert await hq.rows("SELECT count(*), count(run_id), max(line) FROM channels_document") == [(5, 5, 6)]


async def test_a_document_of_several_lines_waits_whole_and_goes_in_when_its_shop_is_there(
    hq: Hq, services: Services, brand: BrandView
) -> None:
    await make_channel(services, brand, "pos")
    data = b"no,at,total,shop\nA,2026-03-01,1.00,SH-9\nB,2026-03-01,1.00,\nA,2026-03-01,2.00,SH-9\n"
    await hq.work(await hq.keep(data, mapping=LINES))
    ((held_id, _, code),) = await held(hq)
    await make_shop(services, brand, fields=shop_fields("SH-9"))

    page = await hq.page(f"{HELD}/{held_id}")
    done = await hq.post(f"{HELD}/{held_id}/replay", mapping=LINES)

    assert code == "channels.unknown_shop"
    assert "A,2026-03-01,1.00,SH-9" in page
    assert done.status_code == 303, done.text
    assert await hq.rows("SELECT external_id, total_minor FROM orders_order ORDER BY 1") == [
        ("A", 300),
        ("B", 100),
    ]
