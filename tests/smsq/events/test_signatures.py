"""What is posted to the webhook is signed with its time, and a receiver can tell."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smsq.events.signatures import sign_webhook, verify_webhook

SECRET = "a secret of the shop's"
NOW = 1_700_000_000


def test_the_signature_is_what_the_contract_says() -> None:
    expected = hmac.new(SECRET.encode(), b'1700000000.{"id":"1-0"}', hashlib.sha256).hexdigest()

    assert sign_webhook(b'{"id":"1-0"}', "1700000000", SECRET) == f"v1={expected}"


@given(st.binary(max_size=200), st.integers(0, 10**11), st.text(min_size=1, max_size=40))
def test_what_was_signed_is_taken(body: bytes, at_s: int, secret: str) -> None:
    secret = secret.encode(errors="replace").decode()
    signature = sign_webhook(body, str(at_s), secret)

    assert verify_webhook(body, str(at_s), signature, secret, now_s=at_s + 299)
    assert not verify_webhook(body, str(at_s), signature, secret, now_s=at_s + 301)
    assert not verify_webhook(body, str(at_s), signature, secret, now_s=at_s - 301)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_another_body_is_refused(body: bytes, other: bytes) -> None:
    signature = sign_webhook(body, str(NOW), SECRET)

    assert verify_webhook(other, str(NOW), signature, SECRET, now_s=NOW) == (body == other)


@given(st.text() | st.none(), st.text() | st.none())
def test_nothing_that_a_stranger_sends_is_taken_or_raises(
    timestamp: str | None, signature: str | None
) -> None:
    assert not verify_webhook(b"{}", timestamp, signature, SECRET, now_s=NOW)
    assert not verify_webhook("{}", str(NOW), signature, SECRET, now_s=NOW)


def test_the_time_is_part_of_what_is_signed() -> None:
    signature = sign_webhook(b"{}", str(NOW), SECRET)

    assert not verify_webhook(b"{}", str(NOW + 1), signature, SECRET, now_s=NOW)
    assert verify_webhook("{}", str(NOW), signature, SECRET, now_s=NOW)


@pytest.mark.parametrize("timestamp", ["", "-1", "1e9", "\uff11" * 10, " 1700000000", "9" * 13])
def test_a_time_that_is_none_is_refused_even_when_signed(timestamp: str) -> None:
    signature = sign_webhook(b"{}", timestamp, SECRET)

    assert not verify_webhook(b"{}", timestamp, signature, SECRET, tolerance_s=1e12)


def test_no_secret_means_no_trust() -> None:
    signature = sign_webhook(b"{}", str(NOW), "")

    assert not verify_webhook(b"{}", str(NOW), signature, "", now_s=NOW)


def test_the_clock_decides_when_no_time_is_given() -> None:
    assert not verify_webhook(b"{}", str(NOW), sign_webhook(b"{}", str(NOW), SECRET), SECRET)
