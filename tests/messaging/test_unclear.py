"""Answers that were lost, providers that are away, workers that are slow: no second message, and none lost."""

import datetime as dt

import pytest

from tests.messaging.kit import MORNING, NOON, Post, later, next_noon
from yundian.messaging import api
from yundian.messaging.errors import NotToSendAgain
from yundian.messaging.ports import Outcome, Parcel
from yundian.messaging.rules import timing
from yundian.messaging.service import hearing, queueing, sending
from yundian.messaging.types import Channel, MessageClass
from yundian.platform.db.database import Database
from yundian.platform.sms.telling import Report

pytestmark = pytest.mark.anyio


async def test_an_answer_that_was_lost_makes_no_second_message(post: Post) -> None:
    await post.use_wechat("order.ready")
    by_official, by_sms, by_mini = (
        await post.person(mini=False),
        await post.person(follows=False),
        await post.person(),
    )
    await post.consent(by_mini, "order.ready")
    post.sandbox.break_it("drop_after_commit", operation="message.*", key=by_official.official)
    post.sandbox.break_it("drop_after_commit", provider="sms", key=by_sms.phone)
    post.sandbox.break_it("drop_after_commit", operation="message.*", key=by_mini.mini)
    facts = [await post.queue(person) for person in (by_official, by_sms, by_mini)]

    await post.send()
    assert {(await post.state(fact)).partition(":unclear:")[0] for fact in facts[:2]} == {"sending"}
    await post.send(later(seconds=20))

    assert [await post.state(fact) for fact in facts[:2]] == ["sent", "sent"]
    assert await post.tries(facts[0]) == ["official accepted"]
    # WeChat keeps no number of ours for these: nobody knows, so nobody sends again.
    assert (await post.state(facts[2])).startswith("unknown:unclear:")
    assert [post.count(person) for person in (by_official, by_sms, by_mini)] == [1, 1, 1]


async def test_an_outage_of_hours_delays_a_short_message_and_makes_no_second_one(post: Post) -> None:
    person = await post.person()
    post.sandbox.break_it("drop_after_commit", provider="sms", key=person.phone)
    post.sandbox.break_it("down", provider="sms", key=person.phone, params={"status": 503}, remaining=None)
    fact = await post.queue(person)

    for minutes in range(0, 240, 16):
        await post.send(later(minutes=minutes))
    assert await post.state(fact) == "sending:unclear:status_503"
    post.sandbox.http.delete("/sandbox/api/faults")
    await post.send(later(minutes=275))

    assert await post.tries(fact) == ["sms accepted"]
    assert post.count(person) == 1


async def test_an_outage_sends_nothing_to_whoever_wants_no_more_meanwhile_and_wakes_nobody(post: Post) -> None:
    stopped, gone, asleep, off = [await post.person() for _ in range(4)]
    people = (stopped, gone, asleep)
    evening = later(hours=8.5)
    for one in (*people, off):
        post.sandbox.break_it("down", provider="sms", key=one.phone, params={"status": 503}, remaining=None)
    facts = [await post.queue(one, "appointment.reminder_24h", send_after=evening) for one in people]
    disabled = await post.queue(off, "appointment.reassigned", send_after=evening)
    await post.send(evening)
    assert {await post.state(fact) for fact in (*facts, disabled)} == {"sending:unclear:status_503"}

    await post.choose(stopped, MessageClass.APPOINTMENT, is_allowed=False)
    await post.save_template("appointment.reassigned", is_enabled=False)
    async with post.services.database.connection(post.brand.id) as tx:
        await tx.execute("UPDATE members_member SET status = 'closed' WHERE id = $1", gone.id)
    post.sandbox.http.delete("/sandbox/api/faults")
    night = evening + dt.timedelta(hours=1)
    await post.send(night)
    assert [await post.state(fact) for fact in (*facts, disabled)] == [
        "unknown:unclear:status_503",
        "unknown:unclear:status_503",
        "sending:unclear:status_503",
        "unknown:unclear:status_503",
    ]
    assert (await post.message(facts[2]))["next_at"] == MORNING
    await post.send(MORNING)
    assert [post.count(one) for one in (*people, off)] == [0, 0, 1, 0]
    assert await post.state(facts[2]) == "sent"


async def test_what_is_said_to_have_arrived_while_somebody_has_it_sent_again_need_not_go(post: Post) -> None:
    person = await post.person()
    post.sandbox.break_it("drop_after_commit", provider="sms", key=person.phone)
    fact = await post.queue(person, "appointment.reminder_2h")
    await post.send()
    async with post.services.database.connection(post.brand.id) as tx:
        await tx.execute("UPDATE messaging_attempt SET reference = '' WHERE brand_id = $1", post.brand.id)
    await post.send(later(minutes=1))
    attempt_id, message_id = (await post.last_try(fact))["id"], (await post.message(fact))["id"]
    async with post.services.database.connection(post.brand.id) as tx:
        await queueing.send_again(tx, message_id=message_id)
    reference = hearing.reference_of(post.brand.id, attempt_id)
    told = Report(reference=reference, is_delivered=True, code="", provider_ref="7")
    await hearing.sms_reported(post.services.database, reports=[told])
    await post.send(next_noon())

    assert await post.state(fact) == "delivered"
    assert post.count(person) == 1


async def test_where_wechat_cannot_be_reached_nothing_is_unclear(post: Post) -> None:
    await post.use_wechat("order.ready")
    person = await post.person()
    await post.consent(person, "order.ready")
    warm = await post.queue(person)
    await post.send()
    assert await post.state(warm) == "sent"
    await post.consent(person, "order.ready")
    nowhere = post.services.settings.model_copy(update={"wechat_url": "http://127.0.0.1:1"})
    database = Database(nowhere)
    await database.open()
    fact = await post.queue(person)
    try:
        await sending.send_due(database, carrier=post.carrier, brand_id=post.brand.id, now=NOON)
    finally:
        await database.close()

    assert await post.state(fact) == "queued:busy:unreached"
    assert await post.credits(person) == (1, 1)
    await post.send(later(minutes=1))
    assert await post.tries(fact) == ["mini refused unreached", "mini accepted"]


async def test_a_repeated_try_that_is_refused_proves_nothing_about_the_first(post: Post) -> None:
    await post.use_wechat("order.ready")
    by_sms, by_official = await post.person(follows=False, mini=False), await post.person(mini=False)
    post.sandbox.break_it("drop_after_commit", provider="sms", key=by_sms.phone)
    post.sandbox.break_it("drop_after_commit", operation="message.template", key=by_official.official)
    facts = [await post.queue(person) for person in (by_sms, by_official)]
    await post.send()
    assert (await post.state(facts[0])).startswith("sending:unclear:"), "HQ sees why it hangs"
    post.sandbox.break_it("error", provider="sms", key=by_sms.phone)
    post.sandbox.break_it(
        "error", operation="message.template", key=by_official.official, params={"code": "43004"}
    )
    await post.send(later(seconds=20))
    await post.send(later(seconds=55))

    assert await post.tries(facts[0]) == ["sms accepted"]
    assert (await post.state(facts[1])).startswith("unknown:unclear:"), "it may have arrived before"
    await post.send(later(days=2))
    assert [post.count(person) for person in (by_sms, by_official)] == [1, 1]


async def test_what_is_taken_back_or_too_late_is_not_tried_once_more(post: Post) -> None:
    person = await post.person()
    post.sandbox.break_it("down", provider="sms", key=person.phone, params={"status": 503}, remaining=2)
    withdrawn = await post.queue(person, "appointment.reminder_2h")
    late = await post.queue(person, "appointment.reminder_2h", useless_after=later(seconds=15))
    await post.send()
    post.sandbox.break_it("error", provider="sms", key=person.phone)
    refused = await post.queue(person, "appointment.reminder_2h")
    await post.send()
    assert await post.state(refused) == "queued:busy:BUSY"
    async with post.services.database.connection(post.brand.id) as tx:
        assert await api.withdraw(tx, fact_keys=[withdrawn]) == 0, "it may have gone out"
    await post.send(later(seconds=20))
    await post.send(later(days=2))

    assert await post.state(withdrawn) == "unknown:unclear:lost"
    assert await post.state(late) == "unknown:unclear:status_503"
    assert post.count(person) == 1
    assert await post.state(refused) == "sent"
    message_id = (await post.message(late))["id"]
    async with post.services.database.connection(post.brand.id) as tx:
        with pytest.raises(NotToSendAgain):
            await queueing.send_again(tx, message_id=message_id)


async def test_what_is_taken_back_while_its_provider_is_asked_is_left_out_when_it_refuses(post: Post) -> None:
    person = await post.person()
    post.sandbox.break_it("error", provider="sms", key=person.phone)
    fact = await post.queue(person, "appointment.reminder_2h")

    class Meanwhile:
        """She cancels between the claim and the provider's answer."""

        async def carry(self, parcel: Parcel) -> Outcome:
            async with post.services.database.connection(post.brand.id) as tx:
                await api.withdraw(tx, fact_keys=[fact])
            return await post.carrier.carry(parcel)

        def remembers(self, channel: Channel) -> dt.timedelta:
            return post.carrier.remembers(channel)

    await sending.send_due(post.services.database, carrier=Meanwhile(), brand_id=post.brand.id, now=NOON)
    assert await post.state(fact) == "skipped:withdrawn"
    await post.send(later(days=1))
    assert post.count(person) == 0


async def test_a_worker_that_is_too_slow_leaves_the_rest_to_others(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.use_wechat("order.ready")
    by_mini, by_sms = await post.person(), await post.person(follows=False, mini=False)
    await post.consent(by_mini, "order.ready")
    post.sandbox.break_it("drop_after_commit", provider="sms", key=by_sms.phone)
    unclear = await post.queue(by_sms)
    await post.send()
    fact = await post.queue(by_mini, send_after=later(seconds=20))
    monkeypatch.setattr(timing, "CARRY_FOR_S", -1.0)
    await post.round(later(seconds=20))

    assert await post.state(fact) == "queued:busy:no_time"
    assert await post.credits(by_mini) == (1, 1)
    assert (await post.state(unclear)).startswith("sending:unclear:")
    monkeypatch.undo()
    await post.send(later(seconds=60))
    assert [await post.state(one) for one in (fact, unclear)] == ["sent", "sent"]
    assert [post.count(one) for one in (by_mini, by_sms)] == [1, 1]


async def test_what_certainly_was_not_sent_is_not_unclear(post: Post) -> None:
    await post.use_wechat("order.ready")
    person, by_sms = await post.person(), await post.person(follows=False, mini=False)
    await post.consent(person, "order.ready", 2)
    await post.queue(person)
    post.sandbox.break_it("down", provider="sms", key=by_sms.phone, params={"status": 429})
    limited = await post.queue(by_sms)
    await post.send()
    assert await post.state(limited) == "queued:busy:status_429"

    # WeChat calls the token invalid and then gives no other: the message did not go.
    post.sandbox.break_it("error", operation="message.subscription", key=person.mini, params={"code": "40001"})
    post.sandbox.break_it("down", operation="cgi-bin.stable_token", key=post.mini, params={"status": 0})
    fact = await post.queue(person)
    await post.send()
    post.sandbox.http.delete("/sandbox/api/faults")
    assert await post.state(fact) == "queued:busy:unreached"
    assert await post.credits(person) == (1, 1)


async def test_what_a_worker_of_before_began_is_not_repeated_under_another_number(post: Post) -> None:
    person, lucky = await post.person(), await post.person()
    for one in (person, lucky):
        post.sandbox.break_it("drop_after_commit", provider="sms", key=one.phone)
    fact, told = await post.queue(person), await post.queue(lucky)
    await post.send()
    async with post.services.database.connection(post.brand.id) as tx:
        # As it left them: nobody wrote down which number the provider was told.
        await tx.execute("UPDATE messaging_attempt SET reference = '' WHERE brand_id = $1", post.brand.id)
    reference = hearing.reference_of(post.brand.id, (await post.last_try(told))["id"])
    await post.send(later(seconds=20))

    assert (await post.state(fact)).startswith("unknown:unclear:")
    assert post.count(person) == 1
    report = Report(reference=reference, is_delivered=True, code="", provider_ref="7")
    await hearing.sms_reported(post.services.database, reports=[report])
    assert await post.state(told) == "delivered", "its provider may still say so"


async def test_a_try_is_repeated_under_the_number_that_its_provider_was_told(post: Post) -> None:
    person = await post.person()
    post.sandbox.break_it("drop_after_commit", provider="sms", key=person.phone)
    fact = await post.queue(person)
    await post.send()
    told = (await post.last_try(fact))["reference"]
    parcels = []

    class Looking:
        async def carry(self, parcel: Parcel) -> Outcome:
            parcels.append(parcel.reference)
            return await post.carrier.carry(parcel)

        def remembers(self, channel: Channel) -> dt.timedelta:
            return post.carrier.remembers(channel)

    await sending.send_due(
        post.services.database, carrier=Looking(), brand_id=post.brand.id, now=later(seconds=20)
    )
    assert (parcels, post.count(person)) == ([told], 1)
    assert await post.state(fact) == "sent"
