"""Money: nothing is ever lost, and a half goes up."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yundian.platform.core.money import CurrencyMismatch, Money, round_half_up

AMOUNTS = st.integers(min_value=-(2**62), max_value=2**62)
WEIGHTS = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=30).filter(any)


@given(AMOUNTS, WEIGHTS)
def test_the_parts_sum_to_the_whole_and_each_is_within_one_of_its_share(minor: int, weights: list[int]) -> None:
    parts = [part.minor for part in Money(minor, "CNY").allocate(weights)]

    total = sum(weights)
    assert sum(parts) == minor
    assert all(abs(part * total - minor * weight) < total for part, weight in zip(parts, weights, strict=True))


@given(AMOUNTS, WEIGHTS)
def test_who_has_no_weight_gets_nothing_and_no_part_turns_its_sign(minor: int, weights: list[int]) -> None:
    for part, weight in zip(Money(minor, "CNY").allocate(weights), weights, strict=True):
        assert weight or part.minor == 0
        assert part.minor * minor >= 0


@given(AMOUNTS, WEIGHTS)
def test_a_refund_is_split_as_the_payment_was(minor: int, weights: list[int]) -> None:
    paid, refunded = Money(minor, "CNY").allocate(weights), Money(-minor, "CNY").allocate(weights)

    assert [-part for part in paid] == refunded


@given(AMOUNTS, st.integers(min_value=1, max_value=50))
def test_equal_weights_differ_by_one_fen_at_most_and_the_earlier_get_it(minor: int, count: int) -> None:
    parts = [abs(part.minor) for part in Money(minor, "CNY").allocate([1] * count)]

    assert max(parts) - min(parts) <= 1
    assert parts == sorted(parts, reverse=True)


def test_the_largest_remainder_gets_the_odd_fen() -> None:
    assert [part.minor for part in Money(100, "CNY").allocate([1, 1, 1])] == [34, 33, 33]
    assert [part.minor for part in Money(10, "CNY").allocate([15, 70, 15])] == [2, 7, 1]
    assert [part.minor for part in Money(1, "CNY").allocate([1, 2])] == [0, 1]


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_weights_that_share_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        Money(1, "CNY").allocate(weights)


@pytest.mark.parametrize(
    ("value", "rounded"), [("0.5", 1), ("1.5", 2), ("2.5", 3), ("-0.5", -1), ("0.4999", 0), ("-2.5", -3)]
)
def test_a_half_goes_away_from_zero(value: str, rounded: int) -> None:
    assert round_half_up(Decimal(value)) == rounded


@given(st.integers(min_value=-(10**12), max_value=10**12), st.integers(min_value=0, max_value=10_000))
def test_basis_points_are_rounded_once(minor: int, bp: int) -> None:
    exact = (Decimal(minor) * bp / 10_000).quantize(Decimal(1), rounding=ROUND_HALF_UP)

    assert Money(minor, "CNY").basis_points(bp).minor == int(exact)


@given(AMOUNTS, st.sampled_from(["CNY", "JPY", "KWD", "USD"]))
def test_an_amount_survives_the_way_to_decimals_and_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)

    assert Money.from_decimal(money.to_decimal(), currency) == money


@pytest.mark.parametrize(("currency", "places"), [("CNY", 2), ("JPY", 0), ("KWD", 3)])
def test_each_currency_has_its_own_number_of_places(currency: str, places: int) -> None:
    assert Money.from_decimal(Decimal("12"), currency).minor == 12 * 10**places


def test_different_currencies_are_never_added() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "CNY") + Money(1, "USD")
    with pytest.raises(CurrencyMismatch):
        Money(1, "CNY") - Money(1, "USD")


@given(AMOUNTS, AMOUNTS)
def test_what_was_added_can_be_taken_away(a: int, b: int) -> None:
    assert Money(a, "CNY") + Money(b, "CNY") - Money(b, "CNY") == Money(a, "CNY")


def test_people_read_the_symbol_and_two_places() -> None:
    assert Money(1_234_500, "CNY").text("zh_CN") == "¥12,345.00"
    assert Money(-5, "CNY").text("en") == "-CN¥0.05"
