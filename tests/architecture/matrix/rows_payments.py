"""The matrix rows of payments."""

import dataclasses
import datetime as dt
import uuid

from tests.architecture.matrix.cells import HQ, HQ_ADMINS, OTHER_BRAND, Actor, Build, Call, Caller, Row, World
from yundian.payments import api
from yundian.payments.service import accounts
from yundian.payments.types import PaymentView, WeChatPayAccount
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.money import Money

ALL = frozenset(Actor)
_SEED_ORPHAN = """
INSERT INTO payments_orphan (brand_id, id, reason, status, provider, account_id, out_trade_no, provider_ref,
    amount_minor, currency, detail, reserved_minor, refunded_minor, created_at)
VALUES ($1, $2, 'late', 'open', 'wechat', $3, $4, '', 100, 'CNY', '', 0, 0, now())
"""
_SEED_BILL = """
INSERT INTO payments_bill (brand_id, id, created_at, provider, merchant_id, account_id, day, state, tries, failure,
    payments, refunds, currency, paid_minor, refunded_minor, fee_millis, near_midnight, gaps)
VALUES ($1, $2, now(), 'wechat', $4, $3, '2026-11-21', 'waiting', 1, '', 0, 0, 'CNY', 0, 0, 0, 0, 0)
"""
_SEED_CAPTURE = """
WITH paid AS (UPDATE payments_payment SET state = 'succeeded', captured_minor = amount_minor
    WHERE brand_id = $1 AND id = $2)
INSERT INTO payments_attempt (brand_id, id, created_at, payment_id, account_id, provider, kind, out_trade_no,
    state, failure, provider_ref, expires_at, polls)
VALUES ($1, $3, now(), $2, $4, 'wechat', 'native', $5, 'succeeded', '', '', now(), 0)
"""
_SEED_REFUND = """
INSERT INTO payments_refund (brand_id, id, created_at, payment_id, account_id, out_trade_no, out_refund_no,
    amount_minor, total_minor, currency, reason, state, failure, provider_ref, polls)
VALUES ($1, $2, now(), $3, $4, $5, $5, 100, 100, 'CNY', '', 'abnormal', '', '', 0)
"""


async def _account(world: World) -> uuid.UUID:
    name = readable_code(10)
    account = WeChatPayAccount(app_id=name, merchant_id=name, api_key="k" * 32)
    async with world.services.database.unit_of_work(world.brand.id) as session:
        for one in await accounts.list_accounts(session):
            await session.flush()
            if one.status.value == "active":
                await accounts.retire_account(session, account_id=one.id)
        made = await accounts.add_account(
            session, keyring=world.services.keyring, settings=world.services.settings, label=name, account=account
        )
    return made.id


async def _payment(world: World) -> PaymentView:
    async with world.services.database.unit_of_work(world.brand.id) as session:
        return await api.start_payment(
            session,
            keyring=world.services.keyring,
            subject_type="test.matrix",
            subject_id=new_id(),
            amount=Money(100, "CNY"),
            description=f"M {readable_code(8)}",
            expires_at=clock.now() + dt.timedelta(hours=1),
        )


def on_payment(method: str, path: str, *, is_paid: bool = False, **form: str) -> Build:
    """A request about a payment of the brand; ``{pay}`` is its page for payers."""

    async def build(world: World, _caller: Caller) -> Call:
        payment = await _payment(world)
        if is_paid:
            account_id = await _account(world)
            async with world.services.database.connection(world.brand.id) as tx:
                values = (world.brand.id, payment.id, new_id(), account_id, readable_code(20))
                await tx.execute(_SEED_CAPTURE, *values)
        page = api.pay_path(world.services.keyring, brand_id=world.brand.id, payment_id=payment.id)
        place = path.replace("{id}", str(payment.id)).replace("{pay}", page)
        # Whoever has the payer's address may read it.
        target = "" if "{pay}" in path else payment.description
        body = form or None
        return Call(method=method, path=place, target=target, form=body if method == "POST" else None)

    return build


def on_refund(path: str) -> Build:
    async def build(world: World, _caller: Caller) -> Call:
        payment, account_id, refund_id = await _payment(world), await _account(world), new_id()
        number = readable_code(20)
        async with world.services.database.connection(world.brand.id) as tx:
            values = (world.brand.id, payment.id, new_id(), account_id, readable_code(20))
            await tx.execute(_SEED_CAPTURE, *values)
            await tx.execute(
                "UPDATE payments_payment SET reserved_minor = 100 WHERE brand_id = $1 AND id = $2", *values[:2]
            )
            await tx.execute(_SEED_REFUND, world.brand.id, refund_id, payment.id, account_id, number)
        return Call(method="POST", path=path.replace("{id}", str(refund_id)), form={"x": "y"}, target=number)

    return build


def on_orphan(method: str, path: str, **form: str) -> Build:
    async def build(world: World, _caller: Caller) -> Call:
        account_id, orphan_id, number = await _account(world), new_id(), readable_code(20)
        async with world.services.database.connection(world.brand.id) as tx:
            await tx.execute(_SEED_ORPHAN, world.brand.id, orphan_id, account_id, number)
        body = form if method == "POST" else None
        return Call(method=method, path=path.replace("{id}", str(orphan_id)), form=body, target=number)

    return build


def on_bill(method: str, path: str) -> Build:
    async def build(world: World, _caller: Caller) -> Call:
        account_id, bill_id, merchant = await _account(world), new_id(), readable_code(20)
        async with world.services.database.connection(world.brand.id) as tx:
            await tx.execute(_SEED_BILL, world.brand.id, bill_id, account_id, merchant)
        body = {"x": "y"} if method == "POST" else None
        target = merchant if method == "GET" else ""
        return Call(method=method, path=path.replace("{id}", str(bill_id)), form=body, target=target)

    return build


def on_account(method: str, path: str) -> Build:
    async def build(world: World, _caller: Caller) -> Call:
        account_id = await _account(world)
        body = {"x": "y"} if method == "POST" else None
        return Call(method=method, path=path.replace("{id}", str(account_id)), form=body)

    return build


async def new_account(world: World, caller: Caller) -> Call:
    own, name = await _account(world), readable_code(10)
    brand = world.other_brand.id if caller.actor is Actor.OTHER_BRAND else world.brand.id
    async with world.services.database.unit_of_work(world.brand.id) as session:
        await accounts.retire_account(session, account_id=own)
    async with world.services.database.connection(brand) as tx:
        await tx.execute("UPDATE payments_account SET status = 'retired' WHERE brand_id = $1", brand)
    form = {"provider": "wechat", "label": name, "app_id": name, "merchant_id": name, "secret": "k" * 32}
    return Call(method="POST", path="/hq/payment-accounts", form=form)


def api_payment(method: str, path: str, *, is_paid: bool = False, json: object = None) -> Build:
    """The same through the JSON API."""
    form_build = on_payment(method, path, is_paid=is_paid)

    async def build(world: World, caller: Caller) -> Call:
        return dataclasses.replace(await form_build(world, caller), form=None, json=json)

    return build


def api_orphan(method: str, path: str, json: object = None) -> Build:
    form_build = on_orphan(method, path)

    async def build(world: World, caller: Caller) -> Call:
        call = await form_build(world, caller)
        if isinstance(json, dict) and "payment_id" in json:
            return dataclasses.replace(call, form=None, json={"payment_id": str((await _payment(world)).id)})
        return dataclasses.replace(call, form=None, json=json)

    return build


def acted(call: Build) -> Row:
    return Row(call=call, may=HQ_ADMINS, unknown=OTHER_BRAND)


async def a_notice(world: World, _caller: Caller) -> Call:
    path = f"/pay/notices/wechat/{world.brand.id}/{new_id()}"
    return Call(method="POST", path=path, form={"x": readable_code(10)})


def written(call: Build) -> Row:
    return Row(call=call, may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=True)


ADMINS = HQ_ADMINS | OTHER_BRAND
ROWS: dict[str, Row] = {
    "payments.payments": Row(call=on_payment("GET", "/hq/payments"), may=HQ | OTHER_BRAND, is_page=True),
    "payments.payment": Row(
        call=on_payment("GET", "/hq/payments/{id}"), may=HQ, unknown=OTHER_BRAND, is_page=True
    ),
    "payments.payment.refund": written(
        on_payment("POST", "/hq/payments/{id}/refunds", is_paid=True, amount="1", reason="x")
    ),
    "payments.payment.close": written(on_payment("POST", "/hq/payments/{id}/close", x="y")),
    "payments.refund.approve": written(on_refund("/hq/refunds/{id}/approve")),
    "payments.refund.give_up": written(on_refund("/hq/refunds/{id}/give-up")),
    "payments.orphans": Row(call=on_orphan("GET", "/hq/orphans"), may=HQ | OTHER_BRAND, is_page=True),
    "payments.orphan": Row(call=on_orphan("GET", "/hq/orphans/{id}"), may=HQ, unknown=OTHER_BRAND, is_page=True),
    "payments.orphan.act": written(on_orphan("POST", "/hq/orphans/{id}/note", text="x")),
    "payments.bills": Row(call=on_bill("GET", "/hq/payment-bills"), may=HQ | OTHER_BRAND, is_page=True),
    "payments.bill": Row(call=on_bill("GET", "/hq/payment-bills/{id}"), may=HQ, unknown=OTHER_BRAND, is_page=True),
    "payments.bill.fetch": written(on_bill("POST", "/hq/payment-bills/{id}/fetch")),
    "payments.accounts": Row(call=on_account("GET", "/hq/payment-accounts"), may=ADMINS, is_page=True),
    "payments.accounts.add": Row(call=new_account, may=ADMINS, is_page=True),
    "payments.accounts.retire": written(on_account("POST", "/hq/payment-accounts/{id}/retire")),
    "payments_list_payments": Row(call=api_payment("GET", "/v1/payments"), may=HQ | OTHER_BRAND),
    "payments_get_payment": Row(call=api_payment("GET", "/v1/payments/{id}"), may=HQ, unknown=OTHER_BRAND),
    "payments_refund_payment": acted(
        api_payment("POST", "/v1/payments/{id}/refunds", is_paid=True, json={"amount_minor": 1, "reason": "x"})
    ),
    "payments_close_payment": acted(api_payment("POST", "/v1/payments/{id}/close")),
    "payments_list_orphans": Row(call=api_orphan("GET", "/v1/payment-orphans"), may=HQ | OTHER_BRAND),
    "payments_get_orphan": Row(call=api_orphan("GET", "/v1/payment-orphans/{id}"), may=HQ, unknown=OTHER_BRAND),
    "payments_refund_orphan": acted(api_orphan("POST", "/v1/payment-orphans/{id}/refund", {"reason": "x"})),
    "payments_link_orphan": acted(api_orphan("POST", "/v1/payment-orphans/{id}/link", {"payment_id": ""})),
    "payments_note_orphan": acted(api_orphan("POST", "/v1/payment-orphans/{id}/notes", {"text": "x"})),
    "payments_resolve_orphan": acted(api_orphan("POST", "/v1/payment-orphans/{id}/resolve", {"text": "x"})),
    # The address is the right: whoever has it may pay.
    "payments.pay": Row(call=on_payment("GET", "{pay}"), may=ALL, is_page=True),
    "payments.pay.start": Row(
        call=on_payment("POST", "{pay}", is_paid=True, provider="wechat"), may=ALL, is_page=True
    ),
    "payments.pay.status": Row(call=on_payment("GET", "{pay}/status"), may=ALL, is_page=True),
    "payments.pay.return": Row(call=on_payment("GET", "{pay}/return"), may=ALL, is_page=True),
    # Providers sign what they send; everybody else is told that it was not taken.
    "payments.notice": Row(call=a_notice, may=ALL, is_page=True),
}
