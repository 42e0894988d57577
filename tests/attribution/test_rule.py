"""Whose order it is, without a database: every rule, every edge, and a second opinion on made-up histories."""

import datetime as dt
import itertools
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.attribution.makers import CAMPAIGN, seen
from yundian.attribution.rules import decide, is_local_path, normalised_token
from yundian.attribution.types import CreditRule, Evidence, GroupOwner, Mark, Question, Seen, TouchKind, Verdict
from yundian.platform.core.ids import new_id

NOW = dt.datetime(2026, 5, 20, 12, tzinfo=dt.UTC)
A, B, C, D, E = (uuid.UUID(int=number) for number in range(1, 6))
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def question(**changes: object) -> Question:
    values: dict[str, object] = {"at": NOW, "window_days": 30, "campaign_id": CAMPAIGN, "member_id": new_id()}
    return Question(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("present", list(itertools.product([False, True], repeat=5)))
def test_of_all_that_could_be_credited_the_first_in_the_houses_order_is(present: tuple[bool, ...]) -> None:
    has_group, has_link, has_item, has_fulfil, has_home = present
    credit = decide(
        question(
            group=GroupOwner(shop_id=A) if has_group else None,
            item_shop_id=C if has_item else None,
            fulfil_shop_id=D if has_fulfil else None,
            home_shop_id=E if has_home else None,
        ),
        [seen(NOW - DAY, B)] if has_link else [],
    )

    order = [
        (has_group, CreditRule.GROUP_OWNER, A),
        (has_link, CreditRule.LINK, B),
        (has_item, CreditRule.ITEM_CODE, C),
        (has_fulfil, CreditRule.FULFIL_SHOP, D),
        (has_home, CreditRule.HOME_SHOP, E),
        (True, CreditRule.HQ, None),
    ]
    expected = next((rule, shop) for is_there, rule, shop in order if is_there)
    assert (credit.rule, credit.shop_id) == expected


def test_of_two_shops_links_the_later_counts_and_both_are_kept() -> None:
    first, later = seen(NOW - 2 * HOUR, A, staff_id=new_id()), seen(NOW - HOUR, B, staff_id=new_id())

    credit = decide(question(), [first, later])

    assert (credit.shop_id, credit.staff_id, credit.link_id) == (B, later.staff_id, later.link_id)
    assert (credit.touch_id, credit.assist_link_id) == (later.touch_id, first.link_id)
    assert credit.marks == (Mark.TWO_SHOPS,)
    assert [(t.shop_id, t.verdict) for t in credit.evidence.touches] == [(B, Verdict.WON), (A, Verdict.ASSIST)]


def test_a_running_group_is_its_owners_and_what_else_brought_the_joiner_is_an_assist() -> None:
    staff, link = new_id(), new_id()
    own = seen(NOW - 2 * HOUR, A, link_id=link)
    hijack = seen(NOW - HOUR, B)

    credit = decide(question(group=GroupOwner(shop_id=A, link_id=link, staff_id=staff)), [own, hijack])

    assert (credit.rule, credit.shop_id, credit.staff_id, credit.link_id) == (
        CreditRule.GROUP_OWNER,
        A,
        staff,
        link,
    )
    assert (credit.touch_id, credit.assist_link_id) == (own.touch_id, hijack.link_id)
    assert credit.marks == (Mark.TWO_SHOPS,)


def test_another_link_of_the_same_shop_assists_in_its_group() -> None:
    poster = seen(NOW - HOUR, A)
    credit = decide(question(group=GroupOwner(shop_id=A, link_id=new_id())), [poster])
    assert (credit.touch_id, credit.assist_link_id, credit.marks) == (None, poster.link_id, ())


def test_a_group_that_nobodys_link_opened_leaves_each_order_to_its_own_link() -> None:
    credit = decide(question(group=GroupOwner(shop_id=None)), [seen(NOW - HOUR, B)])
    assert (credit.rule, credit.shop_id) == (CreditRule.LINK, B)


@pytest.mark.parametrize(
    ("changes", "verdict", "marks"),
    [
        ({"expires_at": NOW - 2 * HOUR}, Verdict.LINK_EXPIRED, (Mark.EXPIRED_LINK,)),
        ({"revoked_at": NOW - 2 * HOUR}, Verdict.LINK_REVOKED, ()),
        ({"campaign_id": new_id()}, Verdict.OTHER_CAMPAIGN, ()),
        ({"at": NOW - 31 * DAY}, Verdict.TOO_OLD, ()),
        ({"shop_id": None}, Verdict.NO_SHOP, ()),
        ({"shop_id": C}, Verdict.SHOP_CLOSED, (Mark.CLOSED_SHOP,)),
    ],
)
def test_a_touch_that_does_not_count_says_why_and_gives_way(
    changes: dict[str, object], verdict: Verdict, marks: tuple[Mark, ...]
) -> None:
    refused = seen(**({"at": NOW - HOUR, "shop_id": A} | changes))  # type: ignore[arg-type]

    alone = decide(question(fulfil_shop_id=D, closed_shop_ids=frozenset({C})), [refused])
    assert (alone.rule, alone.shop_id, alone.marks) == (CreditRule.FULFIL_SHOP, D, marks)
    assert [touch.verdict for touch in alone.evidence.touches] == [verdict]

    beside = decide(question(closed_shop_ids=frozenset({C})), [refused, seen(NOW - 20 * DAY, B)])
    assert (beside.rule, beside.shop_id) == (CreditRule.LINK, B)


@pytest.mark.parametrize("ended", ["expires_at", "revoked_at"])
def test_who_came_while_the_link_lived_counts_after_its_end(ended: str) -> None:
    credit = decide(question(), [seen(NOW - 2 * HOUR, A, **{ended: NOW - HOUR})])
    assert (credit.rule, credit.shop_id, credit.marks) == (CreditRule.LINK, A, ())


def test_what_was_refused_before_a_link_that_counts_is_no_mark() -> None:
    expired = seen(NOW - 3 * HOUR, A, expires_at=NOW - 4 * HOUR)
    assert decide(question(), [expired, seen(NOW - HOUR, B)]).marks == ()


def test_a_link_of_the_last_moment_of_the_window_counts() -> None:
    assert decide(question(), [seen(NOW - 30 * DAY, A)]).shop_id == A
    assert decide(question(), [seen(NOW - 30 * DAY - dt.timedelta(microseconds=1), A)]).shop_id is None


def test_outside_of_campaigns_any_link_of_a_shop_counts() -> None:
    assert decide(question(campaign_id=None), [seen(NOW - HOUR, A)]).shop_id == A
    assert decide(question(), [seen(NOW - HOUR, A, campaign_id=None)]).shop_id == A


def test_a_group_stays_its_shops_that_closed_and_is_marked() -> None:
    credit = decide(question(group=GroupOwner(shop_id=C), closed_shop_ids=frozenset({C})), [])
    assert (credit.shop_id, credit.marks) == (C, (Mark.CLOSED_SHOP,))


@pytest.mark.parametrize("place", ["item_shop_id", "fulfil_shop_id", "home_shop_id"])
def test_a_closed_shop_gets_nothing_by_its_place_alone(place: str) -> None:
    credit = decide(question(**{place: C}, closed_shop_ids=frozenset({C})), [])
    assert (credit.rule, credit.shop_id) == (CreditRule.HQ, None)


def test_people_who_buy_through_their_own_shops_link_are_credited_and_marked() -> None:
    member = new_id()
    in_browser = decide(question(), [seen(NOW - HOUR, A, is_own=True)])
    signed_in = decide(question(own_shop_ids=frozenset({A})), [seen(NOW - HOUR, A)])
    in_group = decide(question(group=GroupOwner(shop_id=A), own_shop_ids=frozenset({A})), [])
    own_share = decide(question(member_id=member), [seen(NOW - HOUR, A, sharer_member_id=member)])
    for credit in (in_browser, signed_in, in_group, own_share):
        assert (credit.shop_id, credit.marks) == (A, (Mark.SELF_PURCHASE,))

    elsewhere = decide(question(own_shop_ids=frozenset({B})), [seen(NOW - HOUR, A)])
    nobody = decide(question(member_id=None), [seen(NOW - HOUR, A)])
    assert elsewhere.marks == nobody.marks == ()


def _oracle(asked: Question, touches: list[Seen]) -> tuple[CreditRule, uuid.UUID | None]:
    """The rule said another way: walk through time, remember the last link that counted."""
    if asked.group is not None and asked.group.shop_id is not None:
        return CreditRule.GROUP_OWNER, asked.group.shop_id
    last: uuid.UUID | None = None
    for touch in sorted(touches, key=lambda one: (one.at, one.touch_id)):
        is_young = touch.at >= asked.at - dt.timedelta(days=asked.window_days)
        is_ours = asked.campaign_id in (None, touch.campaign_id) or touch.campaign_id is None
        lived = all(end is None or touch.at < end for end in (touch.expires_at, touch.revoked_at))
        if touch.shop_id is not None and touch.shop_id not in asked.closed_shop_ids:
            last = touch.shop_id if is_young and is_ours and lived else last
    if last is not None:
        return CreditRule.LINK, last
    for rule, shop in (
        (CreditRule.ITEM_CODE, asked.item_shop_id),
        (CreditRule.FULFIL_SHOP, asked.fulfil_shop_id),
        (CreditRule.HOME_SHOP, asked.home_shop_id),
    ):
        if shop is not None and shop not in asked.closed_shop_ids:
            return rule, shop
    return CreditRule.HQ, None


_shops = st.sampled_from([A, B, C])
_maybe_shop = st.none() | _shops
_times = st.integers(0, 40 * 24).map(lambda hours: NOW - dt.timedelta(hours=hours))
_touches = st.builds(
    seen,
    _times,
    _maybe_shop,
    campaign_id=st.sampled_from([None, CAMPAIGN, A]),
    expires_at=st.none() | _times,
    revoked_at=st.none() | _times,
    is_own=st.booleans(),
    kind=st.sampled_from(TouchKind),
)
_questions = st.builds(
    question,
    campaign_id=st.sampled_from([None, CAMPAIGN]),
    group=st.none() | st.builds(GroupOwner, shop_id=_maybe_shop),
    item_shop_id=_maybe_shop,
    fulfil_shop_id=_maybe_shop,
    home_shop_id=_maybe_shop,
    closed_shop_ids=st.frozensets(_shops, max_size=2),
    window_days=st.integers(1, 40),
)


@given(asked=_questions, touches=st.lists(_touches, max_size=8), order=st.randoms())
def test_any_history_has_one_answer_that_its_evidence_tells(
    asked: Question, touches: list[Seen], order: object
) -> None:
    credit = decide(asked, touches)

    assert (credit.rule, credit.shop_id) == _oracle(asked, touches)
    shuffled = list(touches)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(asked, shuffled) == credit
    # Every touch is in the evidence, once, and at most one won: the credited shop's.
    assert {touch.touch_id for touch in credit.evidence.touches} == {touch.touch_id for touch in touches}
    won = [touch for touch in credit.evidence.touches if touch.verdict is Verdict.WON]
    assert len(won) == (credit.touch_id is not None)
    assert all(touch.shop_id == credit.shop_id for touch in won if credit.rule is CreditRule.LINK)
    assert (Mark.SELF_PURCHASE in credit.marks) <= (credit.shop_id is not None)
    # What is stored says the same when it is read.
    assert msgspec.json.decode(msgspec.json.encode(credit.evidence), type=Evidence) == credit.evidence


@pytest.mark.parametrize("path", ["/m/x/c/y", "/", "/a?b=c#d"])
def test_a_page_of_this_site_may_be_led_to(path: str) -> None:
    assert is_local_path(path)


@pytest.mark.parametrize(
    "path",
    ["", "x", "//evil.example", "/\\evil.example", "https://evil.example", "/a b", "/a\n", "/ü", "/" + "x" * 300],
)
def test_another_site_may_not_be_led_to(path: str) -> None:
    assert not is_local_path(path)


@pytest.mark.parametrize(
    ("typed", "token"), [("abcde23456", "ABCDE23456"), (" ABCDE23456 ", "ABCDE23456"), ("x" * 40, "")]
)
def test_a_token_may_be_typed_in_small_letters(typed: str, token: str) -> None:
    assert normalised_token(typed) == token
