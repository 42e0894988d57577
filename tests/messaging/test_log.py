"""HQ's log as a file, narrowed to a shop or a member, and the ledger of consents."""

import csv
import io

import anyio
import httpx
import pytest

from tests.helpers import submit
from tests.messaging.kit import Post, later
from tests.messaging.pages import page_of
from tests.stores.makers import make_shop, shop_fields
from yundian.messaging.pages import files
from yundian.messaging.types import MessageFilter

pytestmark = pytest.mark.anyio


async def _file(browser: httpx.AsyncClient, query: str = "") -> list[list[str]]:
    answer = await browser.get(f"/hq/messages/csv{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == 'attachment; filename="messages.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_the_log_is_narrowed_to_a_shop_or_a_member_and_read_as_a_file_of_any_length(
    post: Post, hq: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await make_shop(post.services, post.brand, fields=shop_fields(name="=HYPERLINK(1)"))
    person, other = await post.person(), await post.person()
    for number in range(5):
        await post.queue(person, fact_key=f"=cmd|{number}", shop_id=shop.id)
    await post.queue(other, "order.refunded")
    await post.send()
    monkeypatch.setattr(files, "_AT_ONCE", 2)

    header, *rows = await _file(hq)
    assert header[:4] == ["Asked for", "Template", "Kind of message", "Shop"]
    assert [row[11] for row in rows[1:]] == [f"'=cmd|{number}" for number in (4, 3, 2, 1, 0)], "newest first"
    assert {row[3] for row in rows} == {"'=HYPERLINK(1)", ""}
    assert {row[5] for row in rows} == {f"{one.phone[:3]}****{one.phone[-4:]}" for one in (person, other)}
    hq.cookies.set("locale", "zh_CN")
    assert (await _file(hq))[0][1] == "模板"
    hq.cookies.set("locale", "en")
    assert len(await _file(hq, f"?shop={shop.id}")) == 6
    assert len(await _file(hq, f"?member={other.id}")) == 2
    assert len(await _file(hq, "?state=failed")) == 1

    log = await page_of(hq, f"/hq/messages?shop={shop.id}")
    assert "Refund arrived" not in log.split("<tbody>")[1]
    found = await submit(hq, "/hq/messages/of-phone", {"phone": f"+86 {other.phone}"})
    assert (found.status_code, found.headers["location"]) == (303, f"/hq/messages?member={other.id}")
    assert "Messages of one member" in await page_of(hq, found.headers["location"])
    nobody = await submit(hq, "/hq/messages/of-phone", {"phone": "19900000000"})
    assert (nobody.headers["location"], "No+member" in nobody.headers["set-cookie"]) == ("/hq/messages", True)


async def test_hq_reads_what_a_member_agreed_to_and_which_message_used_it(
    post: Post, hq: httpx.AsyncClient
) -> None:
    await post.use_wechat("order.ready", "order.refunded")
    person = await post.person()
    url = f"/hq/messages/consents/{person.id}"
    assert "No consents yet" in await page_of(hq, url)
    await post.consent(person, "order.ready", 3)
    await post.consent(person, "order.refunded", 2, at_wechat=0)
    post.sandbox.break_it("error", operation="message.subscription", key=person.mini, params={"code": "-1"})
    await post.queue(person)
    await post.send()
    await post.send(later(minutes=1))
    await post.queue(person, "order.refunded")
    await post.send()

    shown = await page_of(hq, url)
    assert person.phone not in shown
    assert person.mini not in shown
    assert f"{person.phone[:3]}****{person.phone[-4:]}" in shown
    for words in ("The member agreed", "Used by a message", "Given back", "WeChat knew of no consent"):
        assert words in shown.split("Entries", 1)[1], words
    message_id = (await post.rows("SELECT id FROM messaging_message WHERE brand_id = $1 ORDER BY id"))[0]["id"]
    assert shown.count(f"/hq/messages/{message_id}") == 3, "used, given back, used"
    one = await page_of(hq, f"{url}?template=M-order-refunded")
    assert "Given back" not in one
    numbers = [cell.split("<")[0] for cell in one.split('class="number">')]
    assert numbers[-8:] == ["-1", "0", "-1", "1", "+1", "2", "+1", "1"], "what was left after each entry"
    assert (await hq.get("/hq/messages/consents/00000000-0000-7000-8000-000000000000")).status_code == 404


async def test_a_file_that_nobody_waits_for_any_more_is_not_read_to_its_end(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, database = await post.person(), post.services.database
    for _ in range(4):
        await post.queue(person)
    monkeypatch.setattr(files, "_AT_ONCE", 1)
    parts = 0

    with anyio.CancelScope() as scope:
        async for _part in files.rows(
            database, brand_id=post.brand.id, wanted=MessageFilter(), shops={}, zone="Asia/Shanghai"
        ):
            parts += 1
            scope.cancel()

    assert parts == 1
    assert await post.rows("SELECT $1::uuid"), "and takes no connection with it"
