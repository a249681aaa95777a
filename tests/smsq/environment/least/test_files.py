"""Secrets in files, as systemd and Docker hand them over."""

from __future__ import annotations

from pathlib import Path

import pytest

from smsq.environment.least.files import IN_FILES
from smsq.errors import ConfigError
from smsq.settings import Settings

VALUES = {
    "SMSQ_REDIS_URL": "redis://:in-a-file@redis.example:6379/3",
    "SMSQ_BROKER_URL": "amqp://smsq:in-a-file@rabbit.example//",
    "SMSQ_CALLBACK_SECRET": "a secret of receipts,and the one before",
    "SMSQ_WEBHOOK_SECRET": "a secret of the webhook",
}


@pytest.mark.parametrize("name", IN_FILES)
def test_a_file_is_as_good_as_a_variable(name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{VALUES[name]}\n")
    field = name.removeprefix("SMSQ_").lower()

    read = Settings.from_env({f"{name}_FILE": str(file)})
    assert getattr(read, field) == getattr(Settings.from_env({name: VALUES[name]}), field)
    assert "in-a-file" not in repr(read)


@pytest.mark.parametrize("name", IN_FILES)
def test_what_is_wrong_with_a_file_stops_the_start(name: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()

    with pytest.raises(ConfigError, match=f"{name} and {name}_FILE are both set: keep one"):
        Settings.from_env({name: VALUES[name], f"{name}_FILE": str(empty)})
    with pytest.raises(ConfigError, match=f"{name}_FILE is an empty file"):
        Settings.from_env({f"{name}_FILE": str(empty)})
    with pytest.raises(ConfigError, match=rf"{name}_FILE: cannot read it \(FileNotFoundError\)"):
        Settings.from_env({f"{name}_FILE": str(tmp_path / "nowhere")})
