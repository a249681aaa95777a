"""`smsq secret`: good secrets, and each time another one."""

from __future__ import annotations

import json

from click.testing import CliRunner

from smsq.cli import main
from smsq.environment.secrets import parse_secrets


def test_a_secret_is_good_and_made_anew_each_time() -> None:
    made = [CliRunner().invoke(main, ["secret"]).output.strip() for _ in range(20)]

    assert len(set(made)) == 20
    assert all(parse_secrets(one) == one and len(one) == 43 for one in made)
    document = json.loads(CliRunner().invoke(main, ["secret", "--json"]).output)
    assert len(document["secret"]) == 43
