"""What HQ and members see and decide."""

import httpx
import pytest
from litestar import Litestar

from tests.helpers import make_client, submit
from tests.messaging.kit import Post, next_noon
from tests.messaging.pages import page_of
from yundian.messaging.types import Channel
from yundian.platform.auth import api as auth
from yundian.platform.auth.types import Client
from yundian.platform.core.ids import new_id

pytestmark = pytest.mark.anyio


async def test_hq_reads_what_went_out_what_did_not_and_sends_again(post: Post, hq: httpx.AsyncClient) -> None:
    assert "No messages yet" in await page_of(hq, "/hq/messages")
    person, nobody = await post.person(), await post.person(phone=False, follows=False)
    sent, left_out = await post.queue(person), await post.queue(nobody, "order.refunded")
    post.sandbox.break_it("error", provider="sms", key=person.phone, remaining=None, params={"code": "NO_BALANCE"})
    failed = await post.queue(person, "group.filled")
    await post.send()
    post.sandbox.http.delete("/sandbox/api/faults")

    log = await page_of(hq, "/hq/messages")
    masked = f"{person.phone[:3]}****{person.phone[-4:]}"
    assert masked in log
    assert person.phone not in log
    assert "No way to reach the member" in log
    assert "2 messages failed" in log
    refused = await page_of(hq, "/hq/messages?state=failed&template=group.filled")
    assert "Refused: no balance left at the SMS provider (NO_BALANCE)" in refused
    assert "Ready for pick-up" not in refused.split("<tbody>")[1]
    assert "No message fits" in await page_of(hq, f"/hq/messages?member={post.brand.id}")
    assert masked in await page_of(hq, f"/hq/messages?member={person.id}")
    assert "No message fits" in await page_of(hq, "/hq/messages?until=2020-01-01")
    for wrong in ("until=0001-01-01", "since=x", "state=x", "shop=x", "since=2026-11-02&until=2026-11-01"):
        for path in ("/hq/messages", "/hq/messages/csv"):
            assert (await hq.get(f"{path}?{wrong}")).status_code == 400, "a filter that cannot be read is said"
    by_reason = (await page_of(hq, "/hq/messages?reason=refused")).split("<tbody>")[1]
    assert by_reason.count("NO_BALANCE") == 2
    assert "No way to reach" not in by_reason
    assert "No way to reach" in (await page_of(hq, "/hq/messages?reason=no_channel")).split("<tbody>")[1]
    summary = await page_of(hq, "/hq/messages/summary")
    assert "reason=no_channel" in summary
    assert "No way to reach the member" in summary
    assert "None went out." in summary
    assert "No messages in these days" in await page_of(hq, "/hq/messages/summary?until=2020-01-01")
    assert (await hq.get("/hq/messages/summary?since=0001-01-01&until=9999-12-31")).status_code == 200

    message_id = (await post.message(failed))["id"]
    shown = await page_of(hq, f"/hq/messages/{message_id}")
    assert "Send again" in shown
    again = await submit(hq, f"/hq/messages/{message_id}/send-again", {})
    assert again.status_code == 303, again.text
    once_more = await submit(hq, f"/hq/messages/{message_id}/send-again", {})
    assert once_more.status_code == 409
    sent_id = (await post.message(left_out))["id"]
    assert "Send again" not in await page_of(hq, f"/hq/messages/{sent_id}")
    async with post.services.database.connection(post.brand.id) as tx:
        await tx.execute("UPDATE messaging_message SET state = 'parked' WHERE brand_id = $1", post.brand.id)
    assert "3 messages need a person" in await page_of(hq, "/hq/messages")
    assert (await submit(hq, "/hq/messages/send-parked-again", {})).status_code == 303
    assert "need a person" not in await page_of(hq, "/hq/messages")
    await post.use_wechat("order.ready")
    await post.consent(person, "order.ready", 2)
    panel = await page_of(hq, f"/hq/panels/member-messages/{person.id}")
    assert masked in panel
    assert "Ready for pick-up 2" in panel, "consents that are left"
    assert "Refund arrived" not in panel
    assert await post.state(sent) == "queued"


async def test_a_message_that_cannot_be_sent_again_says_why(post: Post, hq: httpx.AsyncClient) -> None:
    person = await post.person()
    post.sandbox.break_it("error", provider="sms", key=person.phone, remaining=None, params={"code": "NO_BALANCE"})
    message_id = (await post.message(await post.queue(person, "group.filled")))["id"]
    await post.send()
    path = f"/hq/messages/{message_id}"

    async def change(what: str) -> None:
        async with post.services.database.connection(post.brand.id) as tx:
            await tx.execute(f"UPDATE messaging_message SET {what} WHERE id = $1", message_id)

    async def says() -> tuple[bool, bool, bool]:
        shown = await page_of(hq, path)
        return f"{path}/send-again" in shown, "would be of no use" in shown, "were erased" in shown

    failed = await says()
    await change("useless_after = created_at")
    late = await says()
    refused = await submit(hq, f"{path}/send-again", {})
    await change("useless_after = NULL, values_sealed = NULL, recipient = ''")
    erased = await says()
    await change("state = 'sent'")
    sent = await says()

    assert (failed, late, erased) == ((True, False, False), (False, True, False), (False, False, True))
    assert sent == (False, False, False)
    assert refused.status_code == 409


async def test_hq_edits_a_template_sees_how_it_reads_and_tries_it(post: Post, hq: httpx.AsyncClient) -> None:
    url = "/hq/message-templates/order.ready"
    assert "Reminder, a day before" in await page_of(hq, "/hq/message-templates")
    assert "Show your pick-up code" in await page_of(hq, url)
    form = {
        "version": "0",
        "is_enabled": "on",
        "official_template_id": "O-1",
        "sms_zh_CN": "取货：{order} {link}",
        "sms_en": "Collect {order}",
        "official_zh_CN": "thing1: {product}\n\ncharacter_string2: {order}",
        "official_en": "thing1: {product}",
        "mini_zh_CN": "thing1: {product}",
    }
    wrong = await submit(hq, url, form | {"sms_en": "Collect {secret}"})
    assert wrong.status_code == 400
    assert "It names a value that this message does not have" in wrong.text
    garbled = await submit(hq, url, form | {"official_en": "thing1 {product}"})
    assert "One field of WeChat" in garbled.text
    assert garbled.status_code == 400
    preview = await submit(hq, f"{url}/preview", form)
    assert preview.status_code == 200, preview.text
    assert "It is not saved yet" in preview.text
    assert "Collect 261122-7K3M9QXA" in preview.text
    assert "1 SMS is billed" in preview.text
    assert preview.text.count('class="phone"') == 6, "two languages, three ways"
    assert preview.text.count("No template id yet") == 2, "of the mini program"
    assert "服务通知" in preview.text
    typo = await submit(hq, f"{url}/preview", form | {"sms_en": "Collect {secret}"})
    assert typo.status_code == 400
    assert "Collect {secret}" in typo.text, "what was typed stays"
    assert "Collect 261122" not in await page_of(hq, url)
    saved = await submit(hq, url, form)
    assert saved.status_code == 303, saved.text
    stale = await submit(hq, url, form)
    assert stale.status_code == 409
    shown = await page_of(hq, url)
    assert "Collect 261122-7K3M9QXA" in shown
    assert "thing1: {product}\ncharacter_string2: {order}" in shown

    person = await post.person()
    nobody = await submit(hq, f"{url}/test", {"phone": "19900000000"})
    assert nobody.status_code == 400
    assert "No member has this phone number" in nobody.text
    for channel in ("sms", ""):
        tried = await submit(hq, f"{url}/test", {"phone": person.phone, "channel": channel})
        assert (tried.status_code, tried.headers.get("location")) == (303, f"{url}#tests"), tried.text
    await post.send(next_noon())
    [text] = post.got(person, Channel.SMS)
    assert "取货：261122-7K3M9QXA" in text
    [message] = post.got(person, Channel.OFFICIAL)
    assert set(message["data"]) == {"thing1", "character_string2"}
    assert "Test" in await page_of(hq, "/hq/messages")
    tests = await page_of(hq, f"{url}/tests")
    assert tests.count("Sent out") == 2
    assert "every 2s" not in tests, "nothing is on its way"
    await submit(hq, f"{url}/test", {"phone": person.phone})
    assert "every 2s" in await page_of(hq, f"{url}/tests")


async def test_hq_decides_quiet_hours_and_caps(post: Post, hq: httpx.AsyncClient) -> None:
    url = "/hq/message-settings"
    assert 'value="21:00"' in await page_of(hq, url)
    form = {
        "version": "0",
        "quiet_from": "22:30",
        "quiet_until": "08:00",
        "marketing_per_day": "2",
        "retention_days": "30",
    }
    for field, value in (("quiet_from", "25:00"), ("marketing_per_day", "21"), ("retention_days", "0")):
        assert (await submit(hq, url, form | {field: value})).status_code == 400
    assert (await submit(hq, url, form)).status_code == 303
    assert (await submit(hq, url, form)).status_code == 409
    shown = await page_of(hq, url)
    assert 'value="22:30"' in shown
    assert "checked" not in shown


async def test_a_member_decides_what_she_hears_and_reports_her_consents(post: Post, app: Litestar) -> None:
    await post.use_wechat("order.ready")
    person = await post.person()
    async with post.services.database.connection(post.brand.id) as tx:
        done = await auth.open_customer_session(
            tx, keyring=post.services.keyring, brand_id=post.brand.id, member_id=person.id, client=Client()
        )
    headers = {"Authorization": f"Bearer {done.token}", "Accept": "text/html"}
    url = f"/m/{post.brand.code}/messages"
    async with make_client(app, headers=headers, cookies={"locale": "en"}) as phone:
        page = await page_of(phone, url)
        assert page.count("Stop these") == 1
        assert page.count("I agree, send me these") == 1
        agreed = await submit(phone, url, {"message_class": "marketing", "is_allowed": "on"})
        assert agreed.status_code == 303
        assert (await page_of(phone, url)).count("Stop these") == 2
        assert (await submit(phone, url, {"message_class": "marketing"})).status_code == 303
        assert (await submit(phone, url, {"message_class": "order"})).status_code == 400
        assert "Use English" in page
        assert (await submit(phone, f"{url}/language", {"locale": "xx"})).status_code == 400
        assert (await submit(phone, f"{url}/language", {"locale": "en"})).status_code == 303
        assert "改用中文" in await page_of(phone, url)
    english = await post.queue(person, "order.refunded")
    brands_own = await post.queue(await post.person(), "order.refunded", locale="")
    asked_for = await post.queue(person, "group.filled", locale="zh_CN")
    await post.send()
    assert {await post.state(fact) for fact in (english, brands_own, asked_for)} == {"sent"}
    [first, second] = sorted(post.got(person, Channel.SMS))
    assert "of order 261122-7K3M9QXA was refunded" in first + second
    assert "已成团" in first + second, "whoever asks for a message may say the language"

    # A mini program has no cookies.
    async with make_client(app, headers=headers) as mini:
        said = {"reference": str(new_id()), "results": {"M-order-ready": "accept", "other": "reject"}}
        for _ in range(2):
            answer = await mini.post("/v1/message-consents", json=said)
            assert answer.status_code == 200, answer.text
        [subscription] = (await mini.get("/v1/message-consents")).json()
        assert subscription == {
            "app_id": post.mini,
            "template_id": "M-order-ready",
            "code": "order.ready",
            "credits": 1,
        }
        assert (await mini.post("/v1/message-consents", json={"reference": "x", "results": {}})).status_code == 400
    rows = await post.rows(
        "SELECT is_allowed, text_version, via FROM messaging_choice WHERE brand_id = $1 ORDER BY id"
    )
    assert [row["is_allowed"] for row in rows] == [True, False]
