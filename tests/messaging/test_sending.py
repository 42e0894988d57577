"""Each message once per fact, by the nearest way that reaches her, whatever providers do."""

import datetime as dt

import anyio
import pytest

from tests.messaging.kit import MORNING, NIGHT, NOON, Post, later, next_noon
from yundian.messaging import api
from yundian.messaging.errors import NotToSendAgain, TemplateUnknown, ValuesIncomplete
from yundian.messaging.rules.samples import sample_values
from yundian.messaging.rules.templates import house_template
from yundian.messaging.service import queueing
from yundian.messaging.types import Channel, ConsentAnswer, MessageClass
from yundian.platform.core.ids import new_id

pytestmark = pytest.mark.anyio


async def test_a_fact_is_told_once_however_often_and_by_whom_it_is_asked_for(post: Post) -> None:
    person = await post.person()

    async with anyio.create_task_group() as group:
        for _ in range(12):
            group.start_soon(lambda: post.queue(person, fact_key="order:1"))
    await post.queue(person, "order.refunded", fact_key="order:1")
    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(post.send)

    await post.queue(person, fact_key="order:1")
    await post.send(later(hours=1))

    told = post.got(person, Channel.SMS)
    assert len(told) == 2, "one for each template"
    assert sum("取货" in text for text in told) == 1
    assert told[0].startswith("【Test brand】")
    assert await post.tries("order:1") == ["sms accepted", "sms accepted"]


async def test_nothing_goes_when_the_asking_transaction_is_rolled_back(post: Post) -> None:
    person = await post.person()
    values = sample_values(house_template("order.ready"), now=NOON)

    async def ask_and_fail() -> None:
        async with post.services.database.connection(post.brand.id) as tx:
            assert await api.queue(
                tx, fact_key="x", member_id=person.id, template="order.ready", values=values, send_after=NOON
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await ask_and_fail()
    with pytest.raises(ValuesIncomplete):
        await post.queue(person, "order.ready", values={"order": "1"})
    with pytest.raises(TemplateUnknown):
        await post.queue(person, "order.lost", values={})
    await post.send()

    assert post.count(person) == 0


async def test_the_nearest_way_is_taken_and_the_next_when_it_refuses(post: Post) -> None:
    await post.use_wechat()
    person = await post.person()
    await post.consent(person, "order.ready")

    by_mini = await post.queue(person, path="/m/{brand}/orders/7")
    await post.send()
    by_official = await post.queue(person, path="/m/{brand}/orders/8")
    await post.send()
    post.sandbox.post("wechat/act", {"appid": post.official, "act": "unsubscribe", "user_id": person.user_id})
    by_sms = await post.queue(person, path="/m/{brand}/orders/9")
    await post.send()

    assert await post.tries(by_mini) == ["mini accepted"]
    [first] = post.got(person, Channel.MINI)
    assert first["template_id"] == "M-order-ready"
    assert first["page"] == f"p?to=%2Fm%2F{post.brand.code}%2Forders%2F7"
    assert first["data"]["thing3"]["value"] == "上海静安店"
    assert await post.tries(by_official) == ["official accepted"]
    [second] = post.got(person, Channel.OFFICIAL)
    assert second["url"].endswith(f"/m/{post.brand.code}/orders/8")
    assert await post.tries(by_sms) == ["official refused 43004", "sms accepted"]
    assert await post.state(by_sms) == "sent"
    assert [await post.state(one) for one in (by_mini, by_official)] == ["sent", "sent"]


async def test_who_cannot_be_reached_is_left_out_and_hq_sees_why(post: Post) -> None:
    await post.use_wechat("order.ready")
    nobody = await post.person(phone=False, follows=False, mini=False)
    only_mini = await post.person(phone=False, follows=False)
    only_official = await post.person(phone=False, mini=False)
    post.sandbox.post(
        "wechat/act", {"appid": post.official, "act": "unsubscribe", "user_id": only_official.user_id}
    )
    facts = [await post.queue(person) for person in (nobody, only_mini, only_official)]
    await post.send()

    assert [await post.state(fact) for fact in facts] == [
        "skipped:no_channel",
        "skipped:no_credit",
        "failed:refused:43004",
    ]
    await post.save_template("order.ready", is_enabled=False)
    off = await post.queue(nobody)
    await post.send()
    assert await post.state(off) == "skipped:disabled"

    await post.save_template("order.ready", is_enabled=True)
    gone = await post.person()
    waits = await post.queue(gone, send_after=later(hours=1))
    async with post.services.database.connection(post.brand.id) as tx:
        await tx.execute("UPDATE members_member SET status = 'closed' WHERE id = $1", gone.id)
    await post.send(later(hours=1))
    assert await post.state(waits) == "skipped:member_closed"
    assert post.count(gone) == 0


async def test_one_consent_is_one_message_however_many_workers_send(post: Post) -> None:
    await post.use_wechat("order.ready")
    person = await post.person()
    await post.consent(person, "order.ready", 3, at_wechat=10)
    facts = [await post.queue(person) for _ in range(8)]

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(lambda: post.round(limit=3))
    await post.send()

    assert len(post.got(person, Channel.MINI)) == 3
    assert len(post.got(person, Channel.OFFICIAL)) == 5
    assert {await post.state(fact) for fact in facts} == {"sent"}
    assert await post.credits(person) == (0, 0)


async def test_consents_are_counted_once_for_each_dialogue_and_void_where_wechat_knows_of_none(post: Post) -> None:
    await post.use_wechat("order.ready")
    person = await post.person()
    dialogue = new_id()
    said = {
        "M-order-ready": ConsentAnswer.ACCEPT,
        "M-order-refunded": ConsentAnswer.REJECT,
        "X": ConsentAnswer.ACCEPT,
    }
    for _ in range(3):
        await post.tell_consent(person, said, dialogue)
    await post.tell_consent(person, said, new_id())
    assert await post.credits(person) == (2, 2)

    fact = await post.queue(person)
    await post.send()
    assert await post.tries(fact) == ["mini refused 43101", "official accepted"]
    assert await post.credits(person) == (0, 0)
    again = await post.queue(person)
    await post.send()
    assert await post.tries(again) == ["official accepted"]


async def test_a_busy_provider_is_asked_again_and_its_consent_given_back(post: Post) -> None:
    await post.use_wechat("order.ready")
    person = await post.person()
    await post.consent(person, "order.ready")
    post.sandbox.break_it("error", operation="message.subscription", key=person.mini, params={"code": "-1"})
    fact = await post.queue(person)

    await post.send()
    assert await post.state(fact) == "queued:busy:-1"
    assert await post.credits(person) == (1, 1)
    await post.send(later(seconds=31))
    assert await post.tries(fact) == ["mini refused -1", "mini accepted"]
    assert await post.credits(person) == (0, 0)

    post.sandbox.break_it(
        "error", operation="message.template", key=person.official, params={"code": "-1"}, remaining=None
    )
    other = await post.queue(person)
    for minutes in (0, 1, 4):
        await post.send(later(minutes=minutes))
    assert await post.tries(other) == ["official refused -1"] * 3 + ["sms accepted"]


async def test_while_every_provider_is_down_nothing_is_lost_and_a_person_has_the_last_word(post: Post) -> None:
    person = await post.person()
    post.sandbox.break_it("error", provider="sms", key=person.phone, remaining=None)
    fact = await post.queue(person)

    for minutes in (0, 1, 4, 15, 50, 180, 181):
        await post.send(later(minutes=minutes))
    assert await post.tries(fact) == ["sms refused BUSY"] * 6
    assert await post.state(fact) == "parked:busy:BUSY"
    post.sandbox.http.delete("/sandbox/api/faults")
    await post.send(later(days=1))
    assert post.count(person) == 0

    row = await post.message(fact)
    async with post.services.database.connection(post.brand.id) as tx:
        await queueing.send_again(tx, message_id=row["id"])
    await post.send(next_noon())
    assert await post.state(fact) == "sent"
    assert post.count(person) == 1
    async with post.services.database.connection(post.brand.id) as tx:
        with pytest.raises(NotToSendAgain):
            await queueing.send_again(tx, message_id=row["id"])


async def test_the_night_delays_what_is_not_urgent_in_the_zone_of_its_shop(post: Post) -> None:
    person = await post.person()
    reminder = await post.queue(person, "appointment.reminder_24h", send_after=NIGHT)
    useless = await post.queue(
        person, "appointment.reminder_24h", send_after=NIGHT, useless_after=NIGHT + dt.timedelta(hours=2)
    )
    abroad = await post.queue(person, "appointment.reminder_24h", send_after=NIGHT, zone="Europe/Paris")
    urgent = await post.queue(person, "appointment.cancelled", send_after=NIGHT)

    await post.send(NIGHT)
    assert await post.state(reminder) == "waiting_quiet:quiet_hours"
    assert (await post.message(reminder))["next_at"] == MORNING
    assert await post.state(useless) == "skipped:too_late"
    assert [await post.state(abroad), await post.state(urgent)] == ["sent", "sent"]
    await post.send(MORNING - dt.timedelta(seconds=1))
    assert post.count(person) == 2
    await post.send(MORNING)
    assert await post.state(reminder) == "sent"

    await post.save_policy(quiet_from=dt.time(0), quiet_until=dt.time(0))
    no_night = await post.queue(person, "appointment.reminder_24h", send_after=NIGHT)
    await post.send(NIGHT)
    assert await post.state(no_night) == "sent"


async def test_what_has_to_be_known_before_the_morning_is_told_at_the_latest_moment_of_use(
    post: Post,
) -> None:
    """Somebody else serves her, at half past nine, and the night ends at nine."""
    hour, minute = dt.timedelta(hours=1), dt.timedelta(minutes=1)

    async def told(begins: dt.datetime, template: str = "appointment.reassigned", **wish: object) -> str:
        return await post.queue(person, template, send_after=NIGHT, useless_after=begins, **wish)

    person = await post.person()
    in_time, early, now = await told(MORNING + hour), await told(MORNING + hour - minute), await told(NIGHT + hour)
    reminder = await told(MORNING - hour, "appointment.reminder_24h")
    abroad = await told(NIGHT + 2 * hour, zone="Europe/Paris")

    await post.send(NIGHT)
    assert [await post.state(one) for one in (in_time, early)] == ["waiting_quiet:quiet_hours"] * 2
    assert [(await post.message(one))["next_at"] for one in (in_time, early)] == [MORNING, MORNING - minute]
    assert [await post.state(one) for one in (now, abroad)] == ["sent", "sent"]
    assert await post.state(reminder) == "skipped:too_late", "what she knows already is no reason to wake her"
    await post.send(MORNING - minute - dt.timedelta(seconds=1))
    assert await post.state(early) == "waiting_quiet:quiet_hours"
    await post.send(MORNING - minute)
    assert [await post.state(early), await post.state(in_time)] == ["sent", "waiting_quiet:quiet_hours"]
    await post.send(MORNING)
    assert await post.state(in_time) == "sent"


async def test_members_decide_what_they_hear(post: Post) -> None:
    person, other = await post.person(), await post.person()
    await post.choose(person, MessageClass.APPOINTMENT, is_allowed=False)
    stopped = await post.queue(person, "appointment.confirmed")
    heard = await post.queue(other, "appointment.confirmed")
    without = await post.queue(person, "appointment.follow_up")
    own_order = await post.queue(person, "order.ready")
    await post.send()
    assert await post.state(stopped) == "skipped:opted_out"
    assert await post.state(heard) == "sent"
    assert await post.state(without) == "skipped:no_consent"
    assert await post.state(own_order) == "sent"

    await post.choose(person, MessageClass.MARKETING, is_allowed=True)
    first = await post.queue(person, "appointment.follow_up")
    await post.send()
    assert await post.state(first) == "sent"
    await post.choose(person, MessageClass.MARKETING, is_allowed=False)
    withdrawn = await post.queue(person, "appointment.follow_up")
    await post.send()
    assert await post.state(withdrawn) == "skipped:opted_out"
    [kept] = await post.rows("SELECT count(*) AS n FROM messaging_choice WHERE brand_id = $1")
    assert kept["n"] == 3, "what she chose before stays on record"


async def test_marketing_is_capped_by_the_day_under_a_race_and_never_at_night(post: Post) -> None:
    person = await post.person()
    await post.choose(person, MessageClass.MARKETING, is_allowed=True)
    await post.save_policy(marketing_per_day=2)
    await post.save_template("appointment.follow_up", is_urgent=True)
    facts = [await post.queue(person, "appointment.follow_up") for _ in range(6)]

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(lambda: post.round(limit=2))
    await post.send()

    states = [await post.state(fact) for fact in facts]
    assert sorted(states) == ["sent"] * 2 + ["skipped:frequency_cap"] * 4
    assert post.count(person) == 2
    at_night = await post.queue(person, "appointment.follow_up", send_after=NIGHT)
    await post.send(NIGHT)
    assert await post.state(at_night) == "waiting_quiet:quiet_hours"
    await post.send(MORNING)
    assert await post.state(at_night) == "sent", "another day"


async def test_a_fact_is_asked_for_when_its_message_is_due(post: Post) -> None:
    person = await post.person()

    async def reminder() -> str:
        return await post.queue(person, "appointment.reminder_2h", recheck="test.still_on", send_after=NOON)

    still, cancelled, moved = await reminder(), await reminder(), await reminder()
    await post.send()
    asked = {one["fact_key"]: one["message_id"] for one in await post.due_questions()}
    assert set(asked) == {still, cancelled, moved}
    assert post.count(person) == 0, "nothing goes unanswered"
    await post.answer(still=[asked[still], asked[moved]], outdated=[asked[cancelled]])
    async with post.services.database.connection(post.brand.id) as tx:
        assert await api.withdraw(tx, fact_keys=[moved]) == 1
    await post.send(dt.datetime.now(dt.UTC))

    assert await post.state(still) == "sent"
    assert await post.state(cancelled) == "skipped:outdated"
    assert await post.state(moved) == "skipped:withdrawn"
    assert post.count(person) == 1


async def test_an_owner_that_never_answers_is_asked_again_and_then_a_person_decides(post: Post) -> None:
    person = await post.person()
    fact = await post.queue(person, "appointment.reminder_2h", recheck="test.gone")

    for minutes in (0, 1, 4, 15, 80, 200):
        await post.send(later(minutes=minutes))

    assert await post.state(fact) == "parked:no_answer_of_owner"
    assert len(await post.due_questions()) == 4
    assert post.count(person) == 0


async def test_a_fact_that_goes_on_with_other_values_is_told_with_those(post: Post) -> None:
    person = await post.person()
    values = sample_values(house_template("appointment.reminder_2h"), now=NOON)
    fact = await post.queue(person, "appointment.reminder_2h", values=values, send_after=later(hours=1))
    sent = await post.queue(person, "appointment.reminder_2h", values=values)
    await post.send()
    async with post.services.database.connection(post.brand.id) as tx:
        for one in (fact, sent):
            await api.revise(tx, fact_key=one, values={**values, "shop": "杭州湖滨店"})
    await post.send(later(hours=1))

    before, after = post.got(person, Channel.SMS)
    assert "上海静安店" in before
    assert "杭州湖滨店" in after
