"""Money that came late becomes another subject's payment: once, whoever else reaches for it."""

import uuid

import anyio
import pytest

from tests.payments.kit import SUBJECT_TYPE, Till
from yundian.payments import api
from yundian.payments.errors import NotAdoptable, NotRefundable, OrphanTaken, SubjectBusy
from yundian.payments.service import orphans
from yundian.payments.states import PaymentState
from yundian.payments.types import PaymentView, Provider
from yundian.platform.core.errors import DomainError
from yundian.platform.core.ids import new_id

pytestmark = pytest.mark.anyio

CAPTURED = "payments.captured.v1"


async def _late(till: Till, *, minor: int = 800) -> tuple[PaymentView, uuid.UUID]:
    """A payment that was closed and paid all the same, and the orphan."""
    payment = await till.open(minor=minor)
    await till.start(payment, Provider.ALIPAY)
    async with till.services.database.connection(till.brand_id) as tx:
        await api.close_payment(tx, payment_id=payment.id)
    await till.look(payment)
    till.pay(Provider.ALIPAY, await till.number(payment))
    await till.sweep(later_s=1800 + 121)
    [orphan] = [one for one in await till.orphans() if one["payment_id"] == payment.id]
    assert orphan["reason"] == "late"
    return payment, orphan["id"]


async def _adopt(till: Till, orphan_id: uuid.UUID, subject_id: uuid.UUID) -> PaymentView:
    async with till.services.database.connection(till.brand_id) as tx:
        return await api.adopt_orphan(
            tx, orphan_id=orphan_id, subject_type=SUBJECT_TYPE, subject_id=subject_id, description="礼盒"
        )


async def _books_are_equal(till: Till) -> None:
    taken = back = 0
    for provider in Provider:
        for total in till.sandbox.books(till.payee(provider))["totals"]:
            taken, back = taken + total["paid_minor"], back + total["refunded_minor"]
    [ours] = await till.rows(
        "SELECT sum(captured_minor)::bigint AS captured, sum(refunded_minor)::bigint AS refunded"
        " FROM payments_payment WHERE brand_id = $1"
    )
    left = [one for one in await till.orphans() if one["status"] != "adopted"]
    assert taken == ours["captured"] + sum(one["amount_minor"] for one in left)
    assert back == ours["refunded"] + sum(one["refunded_minor"] for one in left)


async def test_late_money_becomes_the_payment_of_another_subject_and_can_go_back(till: Till) -> None:
    old, orphan_id = await _late(till)
    subject = new_id()

    made = await _adopt(till, orphan_id, subject)
    assert await _adopt(till, orphan_id, subject) == made
    with pytest.raises(OrphanTaken):
        await _adopt(till, orphan_id, new_id())
    with pytest.raises(OrphanTaken):
        async with till.services.database.connection(till.brand_id) as tx:
            await api.refund_orphan(tx, orphan_id=orphan_id, reason="x")
    with pytest.raises(OrphanTaken):
        async with till.services.database.unit_of_work(till.brand_id) as session:
            await orphans.link(session, orphan_id=orphan_id, payment_id=old.id, actor_id=None)

    assert (made.state, made.captured_minor, made.subject_id) == (PaymentState.SUCCEEDED, 800, subject)
    [event] = await till.events(CAPTURED)
    assert (event["payment_id"], event["subject_id"]) == (str(made.id), str(subject))
    assert event["paid_at"] == made.paid_at.isoformat().replace("+00:00", "Z") if made.paid_at else False
    assert (await till.see(old)).state is PaymentState.CLOSED
    await _books_are_equal(till)

    # The provider says it again, and somebody asks again: nothing new.
    await till.sweep(later_s=4000)
    await till.look(made)
    assert (len(await till.events(CAPTURED)), len(await till.orphans())) == (1, 1)

    await till.refund(made, 300)
    for later in (1, 70):
        await till.sweep(later_s=later)
    assert (await till.see(made)).refunded_minor == 300
    await _books_are_equal(till)


async def test_of_many_who_reach_for_an_orphan_one_gets_it(till: Till) -> None:
    subject = new_id()
    for rivals in ("others", "itself", "refunds"):
        _, orphan_id = await _late(till)
        made: list[uuid.UUID] = []
        refused: list[DomainError] = []

        async def reach(number: int, rivals: str = rivals, orphan_id: uuid.UUID = orphan_id) -> None:
            try:
                if rivals == "refunds" and number % 2:
                    async with till.services.database.connection(till.brand_id) as tx:
                        made.append((await api.refund_orphan(tx, orphan_id=orphan_id, reason="x")).id)  # noqa: B023
                else:
                    wanted = subject if rivals == "itself" else new_id()
                    made.append((await _adopt(till, orphan_id, wanted)).id)  # noqa: B023
            except (OrphanTaken, NotRefundable) as error:
                refused.append(error)  # noqa: B023

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(reach, number)

        assert len(set(made)) == 1, rivals
        assert len(made) + len(refused) == 8
        assert len(made) == (8 if rivals == "itself" else 1)
    await till.sweep(later_s=1)
    till.sandbox.post("clock/advance", {"seconds": 60})
    await till.sweep(later_s=70)
    await _books_are_equal(till)


async def test_a_subject_with_a_payment_and_money_that_does_not_match_are_refused(till: Till) -> None:
    _, orphan_id = await _late(till)
    busy = await till.open(minor=100)
    with pytest.raises(SubjectBusy):
        await _adopt(till, orphan_id, busy.subject_id)

    async with till.services.database.connection(till.brand_id) as tx:
        await tx.execute("UPDATE payments_orphan SET reason = 'mismatch' WHERE brand_id = $1", till.brand_id)
    with pytest.raises(NotAdoptable):
        await _adopt(till, orphan_id, new_id())
    assert await till.events(CAPTURED) == []
