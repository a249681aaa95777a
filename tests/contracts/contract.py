"""What must not change, in one readable document.

In:  the code, and a Redis to run it on. Out: settings, commands, public names, keys, tasks, states
and the JSON of every command, sorted.

`contract.json` beside it is what was promised. After an addition it is written anew:
`python -m tests.contracts.contract > new.json`, read the difference, and put it in its place.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import tempfile
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import smsq
from smsq.cli import COMMANDS, main
from smsq.cli.output import Exit
from smsq.environment.variables import SETTINGS
from smsq.models import JobState, Kind, RecipientState
from smsq.names import Queue, Task
from smsq.settings import Settings
from smsq.store.keys import Keys
from tests.contracts.documents import collect_documents
from tests.smsq.store.test_lifetimes import NAMED
from tests.smsq.world import World
from tests.support import RedisServer

STORED = Path(__file__).with_name("contract.json")


def collect(environ: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Collect all of it.

    Args:
        environ: Of a process on a Redis and a namespace of its own.
        folder: For files that commands read and write.
    """
    world = World(Settings.from_env(environ, needs_gateway=True))
    try:
        documents = collect_documents(environ, world, folder)
        stored = collect_stored(world)
    finally:
        world.redis.close()
    return {
        "settings": {setting.name: setting.default for setting in SETTINGS},
        "commands": collect_commands(),
        "exit_codes": {code.name: int(code) for code in Exit},
        "documents": documents,
        "public_names": collect_names(),
        "redis_families": sorted(NAMED),
        "redis_keys": collect_keys(),
        "redis_seen": stored,
        "tasks": sorted(str(task) for task in Task),
        "queues": [str(queue) for queue in Queue],
        "kinds": sorted(str(kind) for kind in Kind),
        "job_states": sorted(str(state) for state in JobState),
        "recipient_states": sorted(str(state) for state in RecipientState),
    }


def collect_commands() -> dict[str, Any]:
    """Name each command's parameters: options with their defaults, arguments with how many."""
    context = click.Context(main, info_name="smsq")
    found = {}
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command
        inner = command.commands if isinstance(command, click.Group) else {"": command}
        for sub, one in inner.items():
            found[f"{name} {sub}".strip()] = dict(_describe_all(one.params))
    return found


def _describe_all(params: Sequence[click.Parameter]) -> Iterator[tuple[str, Any]]:
    arguments = 0
    for param in params:
        told: dict[str, Any] = {"required": param.required, "takes": param.type.name}
        if isinstance(param.type, click.Choice):
            told["takes"] = [str(choice) for choice in param.type.choices]
        if isinstance(param, click.Option):
            default = param.to_info_dict()["default"]
            told = {"takes": "flag"} if param.is_flag else {**told, "default": default}
            yield from ((option, told) for option in [*param.opts, *param.secondary_opts])
        else:
            arguments += 1
            yield f"argument {arguments}", {**told, "nargs": param.nargs}


def collect_names() -> dict[str, Any]:
    """Name all that `import smsq` gives: methods with their parameters, fields, members, bases."""
    return {name: _describe(getattr(smsq, name)) for name in smsq.__all__}


def _describe(value: Any) -> Any:
    if inspect.isfunction(value):
        return _describe_parameters(value)
    if isinstance(value, types.UnionType):
        return {"one_of": sorted(kind.__name__ for kind in typing.get_args(value))}
    if issubclass(value, enum.Enum):
        return {"members": [str(member.value) for member in value]}
    told: dict[str, Any] = {}
    if issubclass(value, BaseException):
        bases = (base.__name__ for base in value.__mro__[1:-1])
        told["bases"] = [name for name in bases if name != "BaseException"]
    if dataclasses.is_dataclass(value):
        told["fields"] = [field.name for field in dataclasses.fields(value)]
    elif "__init__" in vars(value):
        told["init"] = _describe_parameters(value.__init__)
    told["members"] = dict(_describe_members(value, told.get("fields", ())))
    return told


def _describe_members(value: type, fields: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for name, member in inspect.getmembers_static(value):
        inner = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if name.startswith("_") or name in fields:
            continue
        if isinstance(member, property):
            yield name, "property"
        elif inspect.isfunction(inner):
            yield name, _describe_parameters(inner)


def _describe_parameters(function: Any) -> dict[str, str]:
    """Name what a function takes; not the types, which may be written otherwise."""
    parameters = inspect.signature(function).parameters.values()
    return {str(p).split(":")[0].split("=")[0].strip(): _say_default(p) for p in parameters}


def _say_default(parameter: inspect.Parameter) -> str:
    kind = "by name, " if parameter.kind is parameter.KEYWORD_ONLY else ""
    default = parameter.default
    return f"{kind}{'no default' if default is parameter.empty else f'default {default!r}'}"


def collect_keys() -> list[str]:
    """Name the keys that Python writes."""
    keys, found = Keys("ns"), set()
    for name, made in vars(Keys).items():
        if isinstance(made, property):
            found.add(str(getattr(keys, name)))
        elif inspect.isfunction(made) and not name.startswith("_"):
            parameters = list(inspect.signature(made).parameters)[1:]
            found.add(made(keys, *("<>" for _ in parameters)))
    return sorted(found)


#: Hashes whose fields have names, not ids.
_RECORDS = ("campaign", "job", "message", "webhook")


def collect_stored(world: World) -> dict[str, Any]:
    """Name what the walk left in Redis: families of keys, their types, the fields of records."""
    prefix = f"{world.keys.namespace}:"
    found: dict[str, Any] = {}
    for key in world.redis.scan_iter(f"{prefix}*"):
        family = key.removeprefix(prefix).split(":")[0]
        kind = world.redis.type(key)
        told = found.setdefault(family, {"type": kind})
        assert told["type"] == kind, key
        if family in _RECORDS:
            fields = {*told.get("fields", ()), *world.redis.hkeys(key)}
            told["fields"] = sorted(fields)
    return found


def write(contract: Mapping[str, Any]) -> str:
    """Write it as the stored one is written."""
    return json.dumps(contract, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main_script() -> None:
    """Print what the code promises now."""
    with tempfile.TemporaryDirectory() as folder, RedisServer(Path(folder)) as redis:
        environ = {
            "SMSQ_REDIS_URL": redis.url,
            "SMSQ_NAMESPACE": "contract",
            "SMSQ_ALPHANAME_ID": "123",
            "SMSQ_GATEWAY_URL": "http://127.0.0.1:9",
            "SMSQ_GATEWAY_TOKEN": "token",
        }
        click.echo(write(collect(environ, Path(folder))), nl=False)


if __name__ == "__main__":
    main_script()
