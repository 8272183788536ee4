"""The configuration: a YAML file, in which every key has a default except the folder to serve."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta, inspect

from davlock.errors import DavlockError

# RFC 4918 §10.7: a lock cannot be promised for longer than 2^32-1 seconds.
Seconds = Annotated[int, Meta(ge=1, le=2**32 - 1)]
HostName = Annotated[
    str,
    Meta(
        pattern=r"\A[0-9A-Za-z._:%-]{1,255}\Z",
        description="an address such as 127.0.0.1 or ::1, or the name of this host",
    ),
]
Realm = Annotated[
    str,
    Meta(pattern=r"\A[ !#-\[\]-~]{1,100}\Z", description="plain ASCII text without quotes and backslashes"),
]


class ConfigError(DavlockError):
    """The configuration cannot be used. Tells in which file and key, what was found, and what is allowed."""


class Locks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a lock stands, in seconds: what a client asks for is kept between minimum and maximum."""

    minimum_seconds: Seconds = 1
    default_seconds: Seconds = 600
    maximum_seconds: Seconds = 604_800


class Documents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """max_upload_bytes: 0 for no limit. tunnel_seconds: how long a name that was left keeps its document's identity."""

    max_upload_bytes: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    tunnel_seconds: Seconds = 15


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """realm: what programs show when they ask for the password."""

    realm: Realm = "davlock"


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """level: the least important messages that are still written."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `load` makes. root is absolute; port 0 means any free one; drain_seconds is for requests still running."""

    root: Path
    host: HostName = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    threads: Annotated[int, Meta(ge=1, le=256)] = 16
    drain_seconds: Seconds = 25
    locks: Locks = Locks()
    documents: Documents = Documents()
    auth: Auth = Auth()
    log: Log = Log()


def load(file: Path | None, **overrides: object) -> Config:
    """The configuration in a file, if there is one; overrides (top-level keys) that are not None win over it.

    A relative root is relative to the file it is written in; an override, to the current folder. Raises ConfigError.
    """
    given = {key: value for key, value in overrides.items() if value is not None}
    _check(given, "The command line", Config)
    data = _read(file) if file else {}
    if file:
        _check(data, str(file), Config)
        if "root" in data:
            data["root"] = file.parent / Path(data["root"]).expanduser()
    data = {key: value for key, value in data.items() if value is not None} | given
    if "root" not in data:
        raise ConfigError(f"{file or 'The command line'}: root is missing; it must be the folder to serve.")
    data["root"] = os.path.abspath(data["root"])
    config = msgspec.convert(data, Config, dec_hook=_decode)
    _check_order(config.locks, file)
    return config


def _read(file: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: such as a date with a 13th month
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f"{file}, line {mark.line + 1}" if mark else str(file)
        raise ConfigError(f"{where}: this is not valid YAML: {problem or 'it has impossible values'}.") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{file} is {_shown(data)}; it must be a list of keys with values, such as `port: 8080`.")
    return data


def _check(data: dict[Any, Any], source: str, section: type[msgspec.Struct], prefix: str = "") -> None:
    """Raises ConfigError for the first key of a section that is unknown or has an impossible value."""
    fields = {field.name: field for field in msgspec.structs.fields(section)}
    for key, value in data.items():
        where = f"{source}: {prefix}{key}"
        if key not in fields:
            raise ConfigError(f"{where} is not a key that exists; possible here are {_listed(list(fields), 'and')}.")
        kind = fields[key].type
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            if isinstance(value, dict):
                _check(value, source, kind, f"{prefix}{key}.")
                continue
            if value is None:  # a heading whose keys are all commented out
                continue
        try:
            msgspec.convert(value, kind, dec_hook=_decode)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{where} is {_shown(value)}; it must be {_allowed(inspect.type_info(kind))}.") from error


def _check_order(locks: Locks, file: Path | None) -> None:
    if not locks.minimum_seconds <= locks.default_seconds <= locks.maximum_seconds:
        raise ConfigError(
            f"{file or 'The command line'}: locks.default_seconds is {locks.default_seconds}; it must be from "
            f"locks.minimum_seconds ({locks.minimum_seconds}) to locks.maximum_seconds ({locks.maximum_seconds})."
        )


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, (str, Path)) and str(value) and "\0" not in str(value):
        return Path(value)
    raise ValueError(f"not a {kind.__name__}")


def _allowed(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata(extra_json_schema={"description": str(description)}):
            return description
        case inspect.IntType(ge=low, le=high):
            return f"a whole number from {low} to {high}"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return _listed([str(value) for value in values], "or")
        case inspect.StructType(fields=fields):
            return f"a heading with keys below it: {_listed([field.name for field in fields], 'and')}"
        case _:
            return "the path of a folder"


def _listed(words: list[str], conjunction: str) -> str:
    return f" {conjunction} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _shown(value: object) -> str:
    if isinstance(value, (dict, list, set)):  # which may contain itself
        return "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
