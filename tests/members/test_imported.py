"""Buyers and orders of other systems: one member of many numbers, and totals that are the sums of her timeline."""

import asyncio
import datetime as dt
import itertools
import random
import uuid
from collections import defaultdict
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers import submit, wait_until
from tests.members.makers import count, make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.members import api
from yundian.members.events import IdentityVerified
from yundian.members.service import joining, profiles, timeline
from yundian.members.types import Buyer, Happening, IdentityKind, JoinedVia, Known, TimelineKind
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db import counting
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

K = TimelineKind
NOON = dt.datetime(2026, 3, 10, 4, 0, tzinfo=dt.UTC)


def phone(number: int) -> Known:
    return Known(IdentityKind.PHONE, f"139{number:08}")


def till(number: int, scope: str = "uci") -> Known:
    return Known(IdentityKind.MEMBER_NO, str(number), scope)


async def recognise(services: Services, brand: BrandView, *buyers: Buyer) -> dict[Buyer, uuid.UUID]:
    async with services.database.connection(brand.id) as tx:
        return await api.recognise_buyers(tx, keyring=services.keyring, buyers=buyers)


async def test_what_a_buyer_is_known_by_finds_or_makes_one_member(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    both, by_phone, by_number = (phone(1), till(1)), (phone(1),), (till(1),)
    first = await recognise(services, brand, both)
    later = await recognise(services, brand, by_phone, by_number, (till(1, "tmall"),), (phone(2), till(1)), ())
    elsewhere = await recognise(services, other_brand, both)

    assert later[by_phone] == later[by_number] == first[both]
    # Another system's number 1 is somebody else; a known number brings an unknown phone to its member.
    assert later[(till(1, "tmall"),)] != first[both]
    assert later[(phone(2), till(1))] == first[both]
    assert (await recognise(services, brand, (phone(2),)))[(phone(2),)] == first[both]
    assert elsewhere[both] != first[both]
    assert () not in later
    assert (await count(services, brand, "members_member"), await count(services, brand, "members_identity")) == (
        2,
        4,
    )

    # Two members with one order: the strongest identity decides, and both stay as they are.
    torn = (till(1, "tmall"), phone(1))
    assert (await recognise(services, brand, torn))[torn] == first[both]
    assert (await recognise(services, brand, (torn[0],)))[torn[:1]] == later[torn[:1]]

    # She signs in herself one day, with that phone: it is she, and she joined with an order.
    async with services.database.connection(brand.id) as tx:
        who = await joining.find_or_join(tx, keyring=services.keyring, proven=[phone(1)], via=JoinedVia.PHONE)
        seen = await api.member_view(tx, keyring=services.keyring, member_id=who)
        events = await tx.fetchval("SELECT count(*) FROM outbox_event")
    assert (who, seen.joined_via, seen.phone) == (first[both], JoinedVia.IMPORT, "139****0001")
    assert events == 0


async def test_members_whom_a_buyer_names_together_are_told_to_headquarters_who_say_that_they_are_two(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    alone = [(phone(1),), (till(1),), (till(2),)]
    named = await recognise(services, brand, *alone)
    ids = [named[buyer] for buyer in alone]
    both, more = (till(1), phone(1)), (till(1), till(2, "new"), till(2))
    for buyers in ([both], [both, more], [more]):
        await recognise(services, brand, *buyers)
    pairs = "SELECT member_id, other_id FROM members_twin WHERE brand_id = $1 ORDER BY seen_at"
    async with services.database.connection(brand.id) as tx:
        assert [set(row) for row in await tx.fetch(pairs, brand.id)] == [{ids[0], ids[1]}, {ids[1], ids[2]}]

    admin = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    page = {"Accept": "text/html", **admin}
    profile = (await client.get(f"/hq/members/{ids[0]}", headers=page)).text
    assert f"/hq/members/{ids[1]}" in profile
    assert f"/hq/members/{ids[2]}" not in profile
    assert f"member={ids[2]}" in (await client.get("/hq/members", headers=page)).text
    await submit(client, f"/hq/members/{ids[1]}/two-people", {"other": str(ids[0])}, **admin)
    # Named together again, they stay two.
    await recognise(services, brand, both)
    assert f"/hq/members/{ids[1]}" not in (await client.get(f"/hq/members/{ids[0]}", headers=page)).text
    assert f"/hq/members/{ids[2]}" in (await client.get(f"/hq/members/{ids[1]}", headers=page)).text


async def test_thousands_are_recognised_in_few_statements_and_by_many_at_once(
    services: Services, brand: BrandView
) -> None:
    people: list[Buyer] = [(phone(n), till(n)) if n % 3 else (till(n),) for n in range(1500)]
    chance = random.Random(5)

    async def part() -> dict[Buyer, uuid.UUID]:
        mine = chance.sample(people, 900)
        async with services.database.connection(brand.id) as tx:
            with counting.counted() as statements:
                found = await api.recognise_buyers(tx, keyring=services.keyring, buyers=mine)
            assert len(statements) <= 4
            # Whoever wants the same people waits until the commit, for none of them in a circle.
            await tx.fetch("SELECT count(*) FROM members_identity")
            return found

    async def sign_in(number: int) -> None:
        async with services.database.connection(brand.id) as tx:
            proven = [phone(number)]
            await joining.find_or_join(tx, keyring=services.keyring, proven=proven, via=JoinedVia.PHONE)

    *parts, _, _ = await asyncio.gather(*(part() for _ in range(4)), sign_in(1), sign_in(2))
    everybody = await recognise(services, brand, *people)

    assert len(set(everybody.values())) == len(people) == await count(services, brand, "members_member")
    for found in parts:
        assert found is not None
        assert all(everybody[buyer] == member_id for buyer, member_id in found.items())


async def test_what_is_no_identity_is_nobody() -> None:
    kinds = IdentityKind
    assert api.known_as(kinds.PHONE, "+86 138-0013-8000", scope="x") == Known(kinds.PHONE, "13800138000")
    assert api.known_as(kinds.CARD, " Ａ12 ", scope="till") == Known(kinds.CARD, "A12", "till")
    for kind, value in [
        (kinds.PHONE, "138****8000"), (kinds.PHONE, "12345"), (kinds.MEMBER_NO, ""), (kinds.MEMBER_NO, "17*50"),
        (kinds.CARD, "12＊4"), (kinds.MARKETPLACE, "买**"), (kinds.OPENID, "o p"), (kinds.CARD, "a\x00b"),
    ]:  # fmt: skip
        assert api.known_as(kind, value) is None


async def test_whoever_proves_an_identity_herself_is_told_of_by_its_hash_alone(
    services: Services, brand: BrandView
) -> None:
    customer = await make_customer(services, brand)
    async with services.database.connection(brand.id) as tx:
        await joining.bind_phone(tx, keyring=services.keyring, member_id=customer.id, phone="13912345678")
        await joining.bind_phone(tx, keyring=services.keyring, member_id=customer.id, phone="13912345678")
        rows = await tx.fetch(
            "SELECT payload::text FROM outbox_event WHERE tag = $1 ORDER BY id", IdentityVerified.tag_of()
        )
    expected = api.hash_of(services.keyring, Known(IdentityKind.PHONE, "13912345678")).hex()

    assert len(rows) == 2
    assert expected in rows[1]["payload"]
    assert "13912345678" not in rows[1]["payload"]


def happening(member_id: uuid.UUID, kind: TimelineKind, ref: uuid.UUID, **more: Any) -> Happening:
    ref_type = "return" if kind is K.REFUNDED else "order"
    values: dict[str, Any] = {"at": NOON, "channel": "tmall", "amount_minor": 100, "number": "T1"} | more
    return Happening(member_id=member_id, kind=kind, ref_type=ref_type, ref_id=ref, order_id=ref, **values)


async def check_totals(services: Services, brand: BrandView) -> None:
    """Each total is the sum of its timeline, and there is none besides."""
    async with services.database.connection(brand.id) as tx:
        rows = await tx.fetch("SELECT * FROM members_timeline WHERE kind IN ('paid', 'released', 'refunded')")
        totals = await tx.fetch("SELECT * FROM members_totals")
    expected: dict[Any, list[Any]] = defaultdict(lambda: [0, 0, 0, 0, 0, None, None])
    for row in rows:
        sums = expected[row["member_id"], row["channel"], row["currency"]]
        if row["kind"] == "paid":
            sums[0] += 1
            sums[2] += row["amount_minor"]
            sums[5] = min(sums[5] or row["at"], row["at"])
            sums[6] = max(sums[6] or row["at"], row["at"])
        elif row["kind"] == "released":
            sums[1] += 1
        else:
            sums[3] += 1
            sums[4] += row["amount_minor"]
    names = ("orders", "sales", "paid_minor", "refunds", "refunded_minor", "first_at", "last_at")
    held = {(row["member_id"], row["channel"], row["currency"]): [row[name] for name in names] for row in totals}
    assert held == dict(expected)


REFS = [new_id() for _ in range(5)]
told = st.tuples(
    st.integers(0, 2),
    st.sampled_from([K.PLACED, K.PAID, K.RELEASED, K.REFUNDED]),
    st.sampled_from(REFS),
    st.sampled_from(["tmall", "uci"]),
    st.sampled_from(["CNY", "GBP"]),
    st.integers(-2, 5),
)
batches = st.lists(
    st.tuples(st.booleans(), st.lists(st.sampled_from(REFS), max_size=2), st.lists(told, max_size=5)), max_size=6
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=batches)
async def test_totals_are_the_sums_of_the_timeline_whatever_is_kept_and_replaced(
    services: Services, brand: BrandView, steps: list[tuple[bool, list[uuid.UUID], list[Any]]]
) -> None:
    everybody = await recognise(services, brand, *(((till(n)),) for n in range(3)))
    members = [everybody[(till(n),)] for n in range(3)]
    for is_kept, refs, rows in steps:
        happenings = [
            happening(
                members[who], kind, ref, channel=channel, currency=currency, amount_minor=amount * 100,
                at=NOON + dt.timedelta(hours=amount),
            )
            for who, kind, ref, channel, currency, amount in rows
        ]  # fmt: skip
        async with services.database.connection(brand.id) as tx:
            if is_kept:
                await timeline.keep(tx, happenings=happenings)
                continue
            wanted = [(kind, ref) for ref in refs for kind in ("order", "return")]
            await api.replace_happenings(tx, refs=wanted, happenings=happenings)
        # What stands for a thing afterwards is what was said last, and nothing of before.
        touched = {*wanted, *((one.ref_type, one.ref_id) for one in happenings)}
        async with services.database.connection(brand.id) as tx:
            stands = await tx.fetch("SELECT member_id, kind, ref_type, ref_id FROM members_timeline")
        standing = {tuple(row) for row in stands if (row["ref_type"], row["ref_id"]) in touched}
        assert standing == {(one.member_id, one.kind, one.ref_type, one.ref_id) for one in happenings}
        await check_totals(services, brand)
    await check_totals(services, brand)


@pytest.mark.parametrize("is_kept", [True, False])
async def test_who_sums_up_waits_for_who_added_before(services: Services, brand: BrandView, is_kept: bool) -> None:
    (member_id,) = (await recognise(services, brand, (till(1),))).values()
    first, second, third = (happening(member_id, K.PAID, new_id(), amount_minor=n) for n in (1, 20, 300))

    async def follow() -> None:
        async with services.database.connection(brand.id) as tx:
            await api.replace_happenings(tx, refs=[], happenings=[third])

    async def is_waiting() -> bool:
        async with services.database.connection(None) as tx:
            found: int = await tx.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            )
        return found > 0

    async with services.database.connection(brand.id) as tx:
        await timeline.keep(tx, happenings=[first])
    async with services.database.connection(brand.id) as tx:
        if is_kept:
            await timeline.keep(tx, happenings=[second])
        else:
            await api.replace_happenings(tx, refs=[], happenings=[second])
        follower = asyncio.create_task(follow())
        await wait_until(is_waiting, what="whoever sums up after us")
    await follower

    await check_totals(services, brand)


async def test_many_replace_and_keep_at_once_and_no_amount_is_lost(services: Services, brand: BrandView) -> None:
    buyers: list[Buyer] = [(till(n),) for n in range(6)]
    members = list((await recognise(services, brand, *buyers)).values())
    chance = random.Random(11)
    refs = [new_id() for _ in range(40)]

    async def work(own: list[uuid.UUID], is_kept: bool) -> None:
        for _ in range(6):
            happenings = [
                happening(chance.choice(members), kind, ref, amount_minor=chance.randrange(1, 900))
                for ref, kind in itertools.product(chance.sample(own, 5), [K.PAID, K.RELEASED, K.REFUNDED])
            ]
            chance.shuffle(happenings)
            async with services.database.connection(brand.id) as tx:
                if is_kept:
                    await timeline.keep(tx, happenings=happenings)
                else:
                    gone = [(kind, ref) for ref in chance.sample(own, 3) for kind in ("order", "return")]
                    await api.replace_happenings(tx, refs=gone, happenings=happenings)

    # Orders are one writer's each, as their rows are locked before; members are everybody's.
    await asyncio.gather(*(work(refs[n * 10 : n * 10 + 10], is_kept=n == 3) for n in range(4)))

    await check_totals(services, brand)


async def test_a_closed_or_unknown_member_has_no_new_timeline_and_a_late_order_takes_its_place(
    services: Services, brand: BrandView
) -> None:
    (member_id,) = (await recognise(services, brand, (till(1),))).values()
    order, unseen = new_id(), new_id()
    late = happening(member_id, K.PAID, order, at=NOON - dt.timedelta(days=30), facts={"source_state": "已完成"})
    facts: dict[str, Any] = {"is_estimated": 1, "is_unseen": 1}
    guessed = happening(
        member_id,
        K.REFUNDED,
        unseen,
        number="C536379",
        channel="uci",
        amount_minor=700,
        currency="GBP",
        facts=facts,
    )
    async with services.database.connection(brand.id) as tx:
        await api.replace_happenings(tx, refs=[], happenings=[guessed, happening(new_id(), K.PAID, new_id())])
        await api.replace_happenings(tx, refs=[], happenings=[late])
        page = await profiles.timeline(tx, member_id=member_id, cursor=None, limit=10)
        totals = {one.currency: one for one in await api.totals_of(tx, member_id=member_id)}

    assert [one.ref_id for one in page.items] == [unseen, order]
    assert (totals["GBP"].refunds, totals["GBP"].net_minor, totals["GBP"].first_at) == (1, -700, None)
    assert totals["CNY"].first_at == late.at

    async with services.database.connection(brand.id) as tx:
        await tx.execute("UPDATE members_member SET status = 'closed' WHERE id = $1", member_id)
    assert await recognise(services, brand, (till(1),)) == {}
