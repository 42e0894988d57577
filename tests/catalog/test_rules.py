import pytest

from yundian.catalog import rules
from yundian.platform.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("88", 8_800),
        ("88.5", 8_850),
        ("0.01", 1),
        ("1,299.00", 129_900),
        ("￥88.80", 8_880),
        ("¥ 12", 1_200),
        ("１２．５", 1_250),
        ("12.50", 1_250),
        ("19.99", 1_999),
        ("10,000,000,000.00", 1_000_000_000_000),
    ],
)
def test_a_price_typed_in_yuan_is_stored_in_fen(text: str, minor: int) -> None:
    assert rules.price_minor(text, "CNY") == minor


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12.345", "More decimals than the currency has"),
        ("12.001", "More decimals than the currency has"),
        ("0", "Must be more than zero"),
        ("0.00", "Must be more than zero"),
        ("-5", "Not an amount"),
        ("", "Not an amount"),
        ("1e5", "Not an amount"),
        ("NaN", "Not an amount"),
        ("1.2.3", "Not an amount"),
        ("1,29", "Not an amount"),
        ("٣٤", "Not an amount"),
        ("99999999999.00", "Too large"),
        ("9" * 5000, "Too large"),
    ],
)
def test_a_price_that_does_not_fit_is_refused_and_never_rounded(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        rules.price_minor(text, "CNY", field="price")

    assert caught.value.facts["errors"] == [{"field": "price", "message": message}]


def test_a_currency_without_cents_takes_none() -> None:
    assert rules.price_minor("500", "JPY") == 500
    with pytest.raises(InvalidInput, match="invalid_input"):
        rules.price_minor("500.5", "JPY")


def test_a_third_decimal_of_zero_says_the_same_amount() -> None:
    assert rules.price_minor("12.500", "CNY") == 1_250


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("#C04050", "#c04050"), ("c04050", "#c04050"), (" #abc ", "#aabbcc"), ("", None), ("  ", None)],
)
def test_a_shade_is_six_small_hexadecimal_digits(text: str, wanted: str | None) -> None:
    assert rules.shade_hex(text) == wanted


@pytest.mark.parametrize("text", ["red", "#12345", "#12345g", "#1234567", "url(x)", "#fff;color:red"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        rules.shade_hex(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("6901234567892", "6901234567892"),
        ("69 0123 4567 892", "6901234567892"),
        ("036000291452", "036000291452"),
        ("73513537", "73513537"),
        ("", None),
    ],
)
def test_a_barcode_keeps_its_digits_only(text: str, wanted: str | None) -> None:
    assert rules.barcode(text) == wanted


@pytest.mark.parametrize("text", ["6901234567890", "1234", "abc", "69012345678921234", "６９０１２３４"])
def test_a_barcode_with_a_wrong_check_digit_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        rules.barcode(text)


def test_a_search_finds_any_place_in_a_chinese_run_and_the_beginning_of_a_word() -> None:
    terms = rules.search_terms(["丝绒唇釉 Velvet Lip SPF50", "HN-LIP-01"])

    def is_found(query: str) -> bool:
        return all(any(term.startswith(word) for term in terms) for word in rules.search_words(query))

    assert is_found("丝绒")
    assert is_found("唇釉")
    assert is_found("绒唇 vel")
    assert is_found("VELVET spf5")
    assert is_found("ＬＩＰ")
    assert is_found("hn-lip-01")
    assert not is_found("elvet")
    assert not is_found("釉唇")


def test_a_long_run_is_found_by_more_than_a_term_holds() -> None:
    name = "草木" * 40
    terms = rules.search_terms([name])

    assert max(map(len, terms)) == rules.TERM_LENGTH
    assert all(any(term.startswith(word) for term in terms) for word in rules.search_words(name))


def test_a_query_of_signs_only_asks_for_nothing() -> None:
    assert rules.search_words(" --- %_' ") == ()
