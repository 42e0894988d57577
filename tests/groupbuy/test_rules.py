"""Pure decisions about campaigns, groups and seats."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groupbuy import rules
from groupbuy.errors import CampaignIncomplete, CampaignNotRunning, SkuNotInCampaign, TooManyPieces
from groupbuy.rules import AtDeadline, LateChoice
from groupbuy.states import GROUP, SEAT, CampaignState, GroupState, LatePolicy, SeatState, Standing
from groupbuy.types import CampaignView, ItemView, Wanted
from tests.groupbuy.kit import campaign_fields
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id

NOON = dt.datetime(2026, 11, 11, 4, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def campaign(**changes: Any) -> CampaignView:
    values: dict[str, Any] = {
        "id": new_id(),
        "code": "abc",
        "name": "n",
        "title": "t",
        "description": "",
        "state": CampaignState.PUBLISHED,
        "size": 3,
        "starts_at": NOON,
        "ends_at": NOON + HOUR,
        "group_life_s": 7200,
        "seat_life_s": 900,
        "per_member_limit": 1,
        "pieces_per_seat": 2,
        "late_policy": LatePolicy.OPEN_NEW_GROUP,
        "short_fill_size": None,
        "is_all_shops": True,
        "has_pickup_choice": True,
        "published_at": NOON,
        "closed_at": None,
        "version": 1,
    }
    return CampaignView(**(values | changes))


def item(**changes: Any) -> ItemView:
    values: dict[str, Any] = {
        "id": new_id(),
        "sku_id": new_id(),
        "position": 0,
        "sku_code": "A",
        "name": "n",
        "shade_name": "",
        "shade_hex": None,
        "single_price_minor": 200,
        "group_price_minor": 150,
        "currency": "CNY",
        "quota": 10,
        "reserved": 0,
        "sold": 0,
    }
    return ItemView(**(values | changes))


def test_a_published_campaign_stands_as_its_window_says_to_the_second() -> None:
    one, tick = campaign(), dt.timedelta(microseconds=1)

    assert one.standing(NOON - tick) is Standing.SCHEDULED
    assert one.standing(NOON) is Standing.RUNNING
    assert one.standing(NOON + HOUR - tick) is Standing.RUNNING
    assert one.standing(NOON + HOUR) is Standing.ENDED
    assert campaign(state=CampaignState.DRAFT).standing(NOON) is Standing.DRAFT
    assert campaign(state=CampaignState.CLOSED).standing(NOON) is Standing.CLOSED
    with pytest.raises(CampaignNotRunning) as refused:
        rules.check_running(one, NOON + HOUR)
    assert refused.value.facts["standing"] == "ended"


def test_a_group_lives_beyond_its_campaign_and_a_seat_never_beyond_its_group() -> None:
    deadline = rules.deadline_of(opened_at=NOON + HOUR - dt.timedelta(seconds=1), group_life_s=7200)

    assert deadline == NOON + 3 * HOUR - dt.timedelta(seconds=1)
    assert rules.seat_expiry(now=NOON, seat_life_s=900, deadline_at=deadline) == NOON + dt.timedelta(minutes=15)
    assert rules.seat_expiry(now=deadline - HOUR / 60, seat_life_s=900, deadline_at=deadline) == deadline


@given(st.integers(2, 9), st.integers(0, 9), st.integers(0, 9), st.none() | st.integers(2, 8))
def test_a_deadline_never_ends_a_group_while_somebody_may_be_paying(
    size: int, paid: int, reserved: int, short: int | None
) -> None:
    paid = min(paid, size)
    reserved = min(reserved, size - paid)
    verdict = rules.at_deadline(size=size, taken=paid + reserved, paid=paid, short_fill_size=short)

    if paid == size:
        assert verdict is AtDeadline.FILL
    elif reserved:
        assert verdict is AtDeadline.WAIT
    elif short is not None and paid >= short:
        assert verdict is AtDeadline.SHORT_FILL
    else:
        assert verdict is AtDeadline.EXPIRE


@pytest.mark.parametrize("policy", list(LatePolicy))
def test_late_money_can_always_be_paid_back_in_the_end(policy: LatePolicy) -> None:
    choices = rules.late_choices(policy)

    assert choices[-1] is LateChoice.REFUND
    assert len(set(choices)) == len(choices)


def test_what_is_chosen_is_of_the_campaign_and_fits_a_seat() -> None:
    one, other = item(), item()
    items = {one.sku_id: one, other.sku_id: other}
    both = [Wanted(other.sku_id), Wanted(one.sku_id)]

    chosen = rules.choose(both, items, pieces_per_seat=2)
    assert [line.item.id for line in chosen] == sorted([one.id, other.id])
    assert [line.total_minor for line in chosen] == [150, 150]
    for lines, error in (
        ([], InvalidInput),
        ([Wanted(new_id())], SkuNotInCampaign),
        ([Wanted(one.sku_id), Wanted(one.sku_id)], InvalidInput),
        ([Wanted(one.sku_id, 3)], TooManyPieces),
    ):
        with pytest.raises(error):
            rules.choose(lines, items, pieces_per_seat=2)


def test_a_campaign_that_contradicts_itself_or_sells_nothing_is_refused() -> None:
    fields = campaign_fields([new_id()])

    assert rules.checked(fields).starts_at.microsecond == 0
    for changes in (
        {"ends_at": fields.starts_at},
        {"short_fill_size": 3},
        {"short_fill_size": 1},
        {"items": fields.items * 2},
    ):
        with pytest.raises(InvalidInput):
            rules.checked(msgspec.structs.replace(fields, **changes))
    with pytest.raises(CampaignIncomplete) as refused:
        rules.check_complete(campaign(is_all_shops=False), items=0, shops=0, now=NOON + HOUR)
    assert refused.value.facts["missing"] == ["items", "shops", "time"]


def test_what_has_ended_stays_ended() -> None:
    assert GROUP.is_final(GroupState.SUCCEEDED)
    assert GROUP.is_final(GroupState.FAILED)
    assert [state for state in SeatState if SEAT.is_final(state)] == [
        SeatState.REFUNDED,
        SeatState.REFUNDED_AFTER,
        SeatState.OVERFLOW,
    ]
