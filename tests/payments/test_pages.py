"""What payers and HQ see."""

import httpx
import pytest

from tests.helpers import submit, wait_until
from tests.payments.kit import Till
from tests.people import sign_in_as
from yundian.payments import api
from yundian.payments.states import PaymentState
from yundian.payments.types import Provider
from yundian.platform.core.principal import Role

pytestmark = pytest.mark.anyio


@pytest.fixture
async def admin(till: Till) -> dict[str, str]:
    return (await sign_in_as(till.services, till.brand_id, Role.HQ_ADMIN)).headers | {"Accept": "text/html"}


async def _english(client: httpx.AsyncClient, url: str, headers: dict[str, str] | None = None) -> str:
    client.cookies.set("locale", "en")
    answer = await client.get(url, headers=headers or {"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


async def test_a_payer_chooses_scans_waits_and_sees_that_it_is_paid(till: Till, client: httpx.AsyncClient) -> None:
    payment = await till.open(minor=1250)
    path = api.pay_path(till.services.keyring, brand_id=till.brand_id, payment_id=payment.id)

    chosen = await _english(client, path)
    shown = await submit(client, path, {"provider": "wechat"})
    waiting = await _english(client, f"{path}/status")
    till.pay(Provider.WECHAT, await till.number(payment))
    back = await client.get(f"{path}/return")
    after = await _english(client, path)

    assert "¥12.50" in chosen
    assert "Pay with WeChat Pay" in chosen
    assert "Pay with Alipay" in chosen
    assert shown.status_code == 200
    assert 'src="data:image/svg+xml' in shown.text
    assert "Waiting for payment" in waiting
    assert back.headers["location"] == path
    assert "Paid. Thank you!" in after
    assert (await till.see(payment)).state is PaymentState.SUCCEEDED


async def test_on_a_phone_alipay_is_a_page_of_its_own(till: Till, client: httpx.AsyncClient) -> None:
    payment = await till.open()
    path = api.pay_path(till.services.keyring, brand_id=till.brand_id, payment_id=payment.id)

    shown = await submit(client, path, {"provider": "alipay"}, **{"User-Agent": "iPhone Mobile Safari"})

    assert f"{till.sandbox.base_url}/gateway.do" in shown.text


async def test_a_provider_that_is_down_leaves_the_choice_open(till: Till, client: httpx.AsyncClient) -> None:
    payment = await till.open()
    path = api.pay_path(till.services.keyring, brand_id=till.brand_id, payment_id=payment.id)
    till.sandbox.break_it("down", provider="wechat_pay", operation="pay.unifiedorder", remaining=None)

    shown = await submit(client, path, {"provider": "wechat"})
    till.sandbox.http.delete("/sandbox/api/faults")
    again = await submit(client, path, {"provider": "wechat"})

    assert shown.status_code == 503
    assert 'value="alipay"' in shown.text
    assert again.status_code == 200
    assert len(await till.attempts(payment)) == 1


async def test_a_made_up_address_shows_nothing(till: Till, client: httpx.AsyncClient) -> None:
    payment = await till.open()
    path = api.pay_path(till.services.keyring, brand_id=till.brand_id, payment_id=payment.id)

    for wrong in (path[:-2] + ("AA" if path[-2:] != "AA" else "BB"), "/pay/x", "/pay/" + "A" * 60):
        assert (await client.get(wrong)).status_code == 404


async def test_a_closed_payment_says_so(till: Till, client: httpx.AsyncClient) -> None:
    payment = await till.open()
    async with till.services.database.connection(till.brand_id) as tx:
        await api.close_payment(tx, payment_id=payment.id)

    path = api.pay_path(till.services.keyring, brand_id=till.brand_id, payment_id=payment.id)
    assert "This payment is closed" in await _english(client, path)


async def test_the_notice_route_answers_as_the_provider_wants(till: Till, client: httpx.AsyncClient) -> None:
    account_id, _ = till.accounts[Provider.ALIPAY]

    refused = await client.post(
        f"/pay/notices/alipay/{till.brand_id}/{account_id}", content=b"sign_type=RSA2&sign=x"
    )
    unclaimed = await client.post(f"/pay/notices/wechat/{till.brand_id}/{till.brand_id}", content=b"<xml></xml>")

    assert refused.status_code == unclaimed.status_code == 200
    assert refused.text != "success"
    assert "FAIL" in unclaimed.text


async def test_hq_finds_a_payment_reads_its_life_and_refunds_a_part(
    till: Till, client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    payment = await till.paid(Provider.WECHAT, minor=1000)
    number = await till.number(payment)

    found = await _english(client, f"/hq/payments?q={number}&state=succeeded&provider=wechat", admin)
    nothing = await _english(client, "/hq/payments?q=none", admin)
    life = await _english(client, f"/hq/payments/{payment.id}", admin)
    url = f"/hq/payments/{payment.id}/refunds"
    too_much = await submit(client, url, {"amount": "10.01", "reason": "x"}, **admin)
    sent = await submit(client, url, {"amount": "4.5", "reason": "wrong shade"}, **admin)

    assert f"/hq/payments/{payment.id}" in found
    assert "No payment fits" in nothing
    assert number in life
    assert too_much.status_code == 409
    assert "More than what can still be refunded" in too_much.text
    assert sent.status_code == 303, sent.text
    assert (await till.see(payment)).reserved_minor == 450
    assert "wrong shade" in await _english(client, f"/hq/payments/{payment.id}", admin)


async def test_money_that_was_sent_back_needs_nobody_any_more(
    till: Till, client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    payment = await till.open(minor=800)
    for provider in Provider:
        await till.start(payment, provider)
        till.pay(provider, await till.number(payment))
    await till.sweep(later_s=11)
    [orphan] = await till.orphans()

    async def listed() -> list[str]:
        """Under which states it is found, by the API and on the page."""
        states = []
        for state in ("open", "returning", "returned", "resolved", "adopted"):
            answer = await client.get(f"/v1/payment-orphans?status={state}", headers=admin)
            found = [one["standing"] for one in answer.json()["items"]]
            shown = await _english(client, f"/hq/orphans?state={state}", admin)
            assert ("Paid twice" in shown) == bool(found)
            states += found
        return states

    assert await listed() == ["open"]
    async with till.services.database.connection(till.brand_id) as tx:
        refund = await api.refund_orphan(tx, orphan_id=orphan["id"], reason="late")
    assert refund is not None
    assert await listed() == ["returning"]

    async def is_returned() -> bool:
        await till.sweep(later_s=30)
        return await listed() == ["returned"]

    await wait_until(is_returned, what="the provider to have sent it back")
    assert "Say where it belongs" not in await _english(client, f"/hq/orphans/{orphan['id']}", admin)


async def test_hq_works_the_orphan_queue(till: Till, client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    assert "Nothing here" in await _english(client, "/hq/orphans", admin)
    payment = await till.open(minor=800)
    for provider in Provider:
        await till.start(payment, provider)
        till.pay(provider, await till.number(payment))
    await till.sweep(later_s=11)
    [orphan] = await till.orphans()
    url = f"/hq/orphans/{orphan['id']}"

    assert "Paid twice" in await _english(client, "/hq/orphans", admin)
    # Found by itself (the same amount), by a number, by a word; not by another word.
    button = f'value="{payment.id}"'
    number = await till.number(payment)
    for query, is_found in (
        ("", True),
        (f"?q={number}", True),
        ("?q=礼盒", True),
        ("?q=%25", False),
        ("?q=x", False),
    ):
        assert (button in await _english(client, url + query, admin)) == is_found, query
    for action, fields in (
        ("link", {"payment_id": str(payment.id)}),
        ("note", {"text": "called her"}),
        ("refund", {"reason": "paid twice"}),
        ("resolve", {"text": "done"}),
    ):
        answer = await submit(client, f"{url}/{action}", fields, **admin)
        assert answer.status_code == 303, answer.text
    shown = await _english(client, url, admin)

    assert "called her" in shown
    assert "Resolved" in shown
    assert button not in shown
    [after] = await till.orphans()
    assert (after["status"], after["reserved_minor"]) == ("resolved", 800)
    assert after["linked_payment_id"] == payment.id


async def test_hq_sees_its_accounts_masked_and_retires_one(
    till: Till, client: httpx.AsyncClient, admin: dict[str, str]
) -> None:
    account_id, account = till.accounts[Provider.WECHAT]

    shown = await _english(client, "/hq/payment-accounts", admin)
    fields = {"provider": "alipay", "label": "Two", "app_id": "1", "merchant_id": "2", "secret": "no key"}
    unreadable = await submit(client, "/hq/payment-accounts", fields, **admin)
    retired = await submit(client, f"/hq/payment-accounts/{account_id}/retire", {}, **admin)

    assert account.merchant_id not in shown
    assert account.merchant_id[:3] + "••••" in shown
    assert unreadable.status_code == 400
    assert "no key" not in unreadable.text
    assert retired.status_code == 303
    assert "Retired" in await _english(client, "/hq/payment-accounts", admin)
