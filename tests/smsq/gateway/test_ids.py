"""Ids: numbers or digits, and nothing else."""

from __future__ import annotations

import pytest

from smsq.gateway.ids import read_id


@pytest.mark.parametrize("value", [1, "1", 2**63 - 1, str(2**63 - 1)])
def test_an_id_is_a_number_or_digits(value: object) -> None:
    assert read_id(value) == int(str(value))


@pytest.mark.parametrize(
    "value", [0, -1, 2**63, str(2**63), "", "1a", "\uff11", True, None, 1.5, 2.0**53, [], {}]
)
def test_anything_else_is_no_id(value: object) -> None:
    assert read_id(value) is None
