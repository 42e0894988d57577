"""HQ's payments through the JSON API."""

from collections.abc import Mapping

import httpx
import pytest

from tests.payments.kit import Till
from tests.people import sign_in_as
from yundian.payments import api
from yundian.payments.types import Provider
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role

pytestmark = pytest.mark.anyio


async def test_hq_reads_the_life_of_a_payment_pays_back_and_works_off_orphans(
    till: Till, client: httpx.AsyncClient
) -> None:
    headers = (await sign_in_as(till.services, till.brand_id, Role.HQ_ADMIN)).headers
    payment = await till.open(minor=800)
    for provider in Provider:
        await till.start(payment, provider)
        till.pay(provider, await till.number(payment))
    await till.sweep(later_s=11)
    waiting = await till.open(minor=300)
    number = (await till.attempts(payment))[0].out_trade_no

    async def get(path: str, **query: str) -> dict[str, object]:
        answer = await client.get(f"/v1{path}", params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    async def post(path: str, body: Mapping[str, object] | None = None, **more: str) -> httpx.Response:
        return await client.post(f"/v1{path}", json=body, headers=headers | more)

    def ids(page: dict[str, object]) -> list[str]:
        items = page["items"]
        assert isinstance(items, list)
        return [one["id"] for one in items]

    # Found by state, provider, number, and by what the subject's room calls it.
    assert ids(await get("/payments")) == [str(waiting.id), str(payment.id)]
    assert ids(await get("/payments", state="pending")) == [str(waiting.id)]
    assert ids(await get("/payments", provider="alipay")) == [str(payment.id)]
    assert ids(await get("/payments", search=number)) == [str(payment.id)]
    assert ids(await get("/payments", search=str(waiting.subject_id))) == [str(waiting.id)]
    assert ids(await get("/payments", search="nothing")) == []

    once = {"Idempotency-Key": str(new_id())}
    refunded = await post(f"/payments/{payment.id}/refunds", {"amount_minor": 300, "reason": "shade"}, **once)
    again = await post(f"/payments/{payment.id}/refunds", {"amount_minor": 300, "reason": "shade"}, **once)
    too_much = await post(f"/payments/{payment.id}/refunds", {"amount_minor": 501, "reason": "x"})
    assert (refunded.status_code, again.json()) == (201, refunded.json())
    assert (too_much.status_code, too_much.json()["code"]) == (409, "payments.not_refundable")
    life = await get(f"/payments/{payment.id}")
    assert [len(life[part]) for part in ("attempts", "notices", "refunds", "orphans")] == [2, 0, 1, 1]  # type: ignore[arg-type]

    closed = await post(f"/payments/{waiting.id}/close")
    assert closed.json()["state"] == "closing"
    missing = await client.get(f"/v1/payments/{new_id()}", headers=headers)
    assert (missing.status_code, missing.json()["code"]) == (404, "payments.payment_unknown")

    [orphan_id] = ids(await get("/payment-orphans"))
    answer = refunded
    for action, body in (
        ("notes", {"text": "called her"}),
        ("link", {"payment_id": str(payment.id)}),
        ("refund", {"reason": "paid twice"}),
        ("resolve", {"text": "done"}),
    ):
        answer = await post(f"/payment-orphans/{orphan_id}/{action}", body)
        assert answer.status_code == 200, answer.text
    assert answer.json()["orphan"]["status"] == "resolved"
    assert [one["action"] for one in answer.json()["actions"]] == ["note", "link", "refund", "resolve"]
    taken = await post(f"/payment-orphans/{orphan_id}/link", {"payment_id": str(payment.id)})
    assert (taken.status_code, taken.json()["code"]) == (409, "payments.orphan_taken")
    assert ids(await get("/payment-orphans", status="resolved")) == [orphan_id]
    assert ids(await get("/payment-orphans")) == []


async def test_a_payer_is_never_told_of(till: Till, client: httpx.AsyncClient) -> None:
    headers = (await sign_in_as(till.services, till.brand_id, Role.HQ_ANALYST)).headers
    payment = await till.open()
    async with till.services.database.connection(till.brand_id) as tx:
        sealed = till.services.keyring.encrypt("payments.payer", "o-openid-of-her")
        await tx.execute(
            "UPDATE payments_payment SET payer_sealed = $2 WHERE brand_id = $1", till.brand_id, sealed
        )
        assert await api.find_payment(tx, subject_type=payment.subject_type, subject_id=payment.subject_id)

    shown = await client.get(f"/v1/payments/{payment.id}", headers=headers)

    assert shown.status_code == 200
    assert "sealed" not in shown.text
    assert "openid" not in shown.text
