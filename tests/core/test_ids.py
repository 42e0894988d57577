"""Ids are in the order of time; codes and tokens tell nothing."""

import datetime as dt
import hashlib
import re
import time

from hypothesis import given
from hypothesis import strategies as st

from yundian.platform.core.ids import first_id_at, new_id, readable_code, secret_token, token_hash


def test_ids_are_version_seven_unique_and_in_order() -> None:
    ids = [new_id() for _ in range(10_000)]

    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)


def test_an_id_carries_the_millisecond_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id().int >> 80
    after = time.time_ns() // 1_000_000

    assert before <= made <= after


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_every_moment_has_a_bound_and_no_id_of_now_is_before_one_of_the_past(moment: dt.datetime) -> None:
    if moment.year < 2026:
        assert first_id_at(moment) <= new_id()
    if moment.year > 2400:
        assert first_id_at(moment) > new_id()


@given(st.integers(min_value=0, max_value=64))
def test_a_readable_code_has_its_length_and_no_look_alikes(length: int) -> None:
    assert re.fullmatch(rf"[2-9A-HJKMNP-Z]{{{length}}}", readable_code(length))


def test_every_letter_of_the_alphabet_is_used_about_equally() -> None:
    text = readable_code(31_000)
    counts = [text.count(letter) for letter in set(text)]

    assert len(counts) == 31
    assert 800 < min(counts) <= max(counts) < 1_200


def test_a_token_is_long_and_stored_only_as_its_hash() -> None:
    token = secret_token()

    assert len(token) == 43
    assert token_hash(token) == hashlib.sha256(token.encode()).digest()
    assert secret_token() != token
