"""One master key: no two purposes share a key, and nothing tampered with opens."""

import secrets

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from yundian.platform.core.crypto import Keyring, mask_phone

MASTER = bytes(range(32))
KEYS = Keyring(MASTER)


@given(st.text())
def test_what_was_sealed_opens_again(text: str) -> None:
    assert KEYS.decrypt("phone", KEYS.encrypt("phone", text)) == text


def test_the_same_text_is_never_sealed_the_same_way() -> None:
    assert KEYS.encrypt("phone", "13800138000") != KEYS.encrypt("phone", "13800138000")


def test_a_changed_bit_anywhere_is_noticed() -> None:
    sealed = KEYS.encrypt("phone", "13800138000")

    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(InvalidTag):
            KEYS.decrypt("phone", bytes(changed))


def test_another_purpose_and_another_master_open_nothing() -> None:
    sealed = KEYS.encrypt("phone", "13800138000")

    with pytest.raises(InvalidTag):
        KEYS.decrypt("address", sealed)
    with pytest.raises(InvalidTag):
        Keyring(secrets.token_bytes(32)).decrypt("phone", sealed)


def test_a_blind_index_depends_on_kind_value_and_master_and_on_nothing_else() -> None:
    index = KEYS.blind_index("login", "ann")

    assert index == Keyring(MASTER).blind_index("login", "ann")
    others = [
        KEYS.blind_index("login", "bob"),
        KEYS.blind_index("api_key", "ann"),
        Keyring(secrets.token_bytes(32)).blind_index("login", "ann"),
    ]
    assert len({index, *others}) == 4


def test_the_keys_are_those_of_the_day_they_were_made() -> None:
    """What is stored today must open after every upgrade: the derivation never changes."""
    assert KEYS.key("test").hex() == "58d4d37a26a9339e364242e413bfaebb257466aedfd53886a6e9e0e00cb715de"
    assert (
        KEYS.blind_index("login", "ann").hex()
        == "0fa9dc5bb4278ff6d71bc9cdb914e9b64bc8d34b537987e1ffb604562f41fdc3"
    )


def test_a_short_master_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Keyring(b"short")


@pytest.mark.parametrize(
    ("phone", "shown"),
    [("13800138000", "138****8000"), ("+8613800138000", "+86****8000"), ("1234567", "****"), ("", "****")],
)
def test_a_phone_is_shown_by_its_ends_only(phone: str, shown: str) -> None:
    assert mask_phone(phone) == shown


@pytest.mark.parametrize("length", [0, 1, 199, 200, 5_000])
def test_a_long_text_is_squeezed_and_sealed_and_opens_to_the_letter(length: int) -> None:
    text = ("订单 13800138000 \udce9\0" * length)[:length]
    sealed = KEYS.seal("inbox", text)

    assert KEYS.unseal("inbox", sealed) == text
    assert b"13800138000" not in sealed
    assert len(sealed) < 250 + len(text)
    with pytest.raises(InvalidTag):
        KEYS.unseal("outbox", sealed)
