"""The configuration: a YAML file, in which every key has a default except the folder to serve."""

from __future__ import annotations

import ipaddress
import json
import os
import zoneinfo
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
import yaml
from msgspec import Meta, inspect

from davlock import paths
from davlock.auth import origins
from davlock.auth.throttle import FREE_FAILURES
from davlock.errors import DavlockError
from davlock.model import Semantics
from davlock.policy import DAY, SCRATCH, Policy

# RFC 4918 §10.7: a lock cannot be promised for longer than 2^32-1 seconds.
Seconds = Annotated[int, Meta(ge=1, le=2**32 - 1)]
Days = Annotated[int, Meta(ge=0, le=36_500)]
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
# With a slash in it, a pattern is compared with whole paths, and those begin with one.
Match = Annotated[
    str,
    Meta(
        pattern=r"\A(?=.{1,1000}\Z)(?:[^/]+|[/*?\[].*)\Z",
        description='a pattern in quotes, for names such as "*.tmp" or for whole paths such as "/contracts/*"',
    ),
]
SemanticsName = Annotated[
    Literal["None", "Locking", "Versioning"],
    Meta(description="the word None, Locking or Versioning (null and ~ are not the word None)"),
]


FolderPath = Annotated[
    str,
    Meta(
        pattern=r"\A/[^\x00-\x1f\\]{0,1000}\Z",
        description='the path of a folder in the served one, such as "/" or "/inbox"',
    ),
]
AuthorVia = Annotated[
    Literal["DAV", "DAV,MS-FP/4.0", "MS-FP/4.0,DAV"],
    Meta(description='one of "DAV", "DAV,MS-FP/4.0" and "MS-FP/4.0,DAV"'),
]


Origin = Annotated[
    str,
    Meta(
        pattern=rf"\A(?:{origins.PATTERN})\Z",
        description='a site without a path, such as "https://app.example.com", "http://localhost*" for any port of it, or "*" for all',
    ),
]


Allowed = Annotated[
    str,
    Meta(
        pattern=r"\A(?:[0-9A-Fa-f.:]+/[0-9]{1,3}|[0-9A-Za-z.-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](?::[0-9]{1,5})?)\Z",
        description='a network such as "10.0.5.0/24", or the name or address of a host, with or without a port: "hooks.intern:8443"',
    ),
]


FilePath = Annotated[str, Meta(pattern=r"\A[^\x00]{0,4096}\Z", description='the path of a file, "" for none')]


TimeZone = Annotated[
    str,
    Meta(pattern=r"\A[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*\Z", description="the name of a time zone, such as UTC or Europe/Oslo"),
]


Proxy = Annotated[
    str,
    Meta(
        pattern=r"\A[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?\Z",
        description='an address or a network, such as "127.0.0.1", "::1" or "10.0.5.0/24"',
    ),
]


class ConfigError(DavlockError):
    """The configuration cannot be used. Tells in which file and key, what was found, and what is allowed."""


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """certificate: a PEM file; without one, and unless it is to be self_signed, it is plain HTTP. key: blank if it is in that file."""

    certificate: FilePath = ""
    key: FilePath = ""
    self_signed: bool = False

    def __bool__(self) -> bool:
        return self.self_signed or bool(self.certificate)


class Clients(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many clients a process waits, and how long. connections: 0 for what its descriptors allow; least_rate: bytes per second."""

    connections: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    connections_per_address: Annotated[int, Meta(ge=1, le=1_000_000)] = 256
    idle_seconds: Seconds = 60
    head_seconds: Seconds = 10
    body_seconds: Seconds = 20
    answer_seconds: Seconds = 30
    least_rate: Annotated[int, Meta(ge=1, le=1_000_000)] = 500


class Locks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a lock stands, in seconds: what a client asks for is kept between minimum and maximum."""

    minimum_seconds: Seconds = 1
    default_seconds: Seconds = 600
    maximum_seconds: Seconds = 604_800


class Documents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """max_upload_bytes: 0 for no limit. tunnel_seconds: how long a name that was left keeps its document's identity."""

    max_upload_bytes: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    tunnel_seconds: Seconds = 15


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What can be done with the documents that a pattern matches."""

    match: Match
    semantics: SemanticsName


class Versions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """semantics is for documents that no pattern matches. How much is kept for how long; 0 days of versions: for ever."""

    semantics: SemanticsName = "Versioning"
    patterns: tuple[Pattern, ...] = ()
    scratch: tuple[Match, ...] = SCRATCH
    keep_versions: Annotated[int, Meta(ge=0, le=1_000_000)] = 500
    keep_days: Days = 0
    keep_deleted_days: Days = 30
    keep_drafts_days: Annotated[int, Meta(ge=1, le=36_500)] = 90
    keep_history_days: Days = 365


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """realm: what programs show when they ask for the password. free_failures: so many wrong ones in a row go without a pause."""

    realm: Realm = "davlock"
    free_failures: Annotated[int, Meta(ge=1, le=1_000_000)] = FREE_FAILURES


class WebDav(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What OPTIONS tells Office. ms_author_via: by which protocols documents can be changed, the preferred one first.

    document_management: whether to tell that documents can be checked out and have versions, where that is so.
    combined_requests: whether several requests in one are possible (MS-WDV), and told.
    """

    ms_author_via: AuthorVia = "DAV"
    document_management: bool = True
    combined_requests: bool = False


class FrontPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """reopen_own: what becomes of a second short-term checkout by the same user. default_minutes: for programs that ask for no time."""

    reopen_own: Literal["refuse", "extend"] = "refuse"
    default_minutes: Annotated[int, Meta(ge=1, le=10_080)] = 10


class Rest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """cors_origins: other sites whose pages may use the API. time_zone: of the times in answers to clients that ask for no other, by its
    IANA name. new_documents: the folder for those whose maker names none. max_json_bytes: of a body with content in it, as Base64.
    """

    cors_origins: tuple[Origin, ...] = ()
    time_zone: TimeZone = "UTC"
    new_documents: FolderPath = "/"
    max_json_bytes: Annotated[int, Meta(ge=1024, le=2**31)] = 64 * 1024 * 1024


class Events(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Telling what becomes of documents. keep_hours: for how long it can still be told. streams: how many programs each process tells at
    once, 0 for a quarter of its threads. stream_seconds: after which a program has to ask again.
    """

    keep_hours: Annotated[int, Meta(ge=1, le=876_000)] = 168
    streams: Annotated[int, Meta(ge=0, le=256)] = 0
    stream_seconds: Annotated[int, Meta(ge=1, le=3600)] = 60


class Webhooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Telling it to other servers. allow: those in private networks that may be told. most_errors: in a row, before one is told no more."""

    enabled: bool = False
    require_https: bool = True
    allow: tuple[Allowed, ...] = ()
    most_errors: Annotated[int, Meta(ge=1, le=1000)] = 9


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """level: the least important messages that are still written."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `load` makes. root is absolute; port 0 means any free one; drain_seconds is for requests still running.

    trusted_proxies: peers that are believed for whom they ask. insecure_http: whether passwords may cross a network unencrypted.
    workers: processes, 0 for one on each processor (see processors.usable). pinned: whether each of them keeps to its own.
    """

    root: Path
    host: HostName = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    tls: Tls = Tls()
    trusted_proxies: tuple[Proxy, ...] = ()
    insecure_http: bool = False
    workers: Annotated[int, Meta(ge=0, le=64)] = 0
    threads: Annotated[int, Meta(ge=1, le=256)] = 16
    pinned: bool = True
    drain_seconds: Seconds = 25
    clients: Clients = Clients()
    locks: Locks = Locks()
    documents: Documents = Documents()
    versions: Versions = Versions()
    auth: Auth = Auth()
    webdav: WebDav = WebDav()
    fprpc: FrontPage = FrontPage()
    rest: Rest = Rest()
    events: Events = Events()
    webhooks: Webhooks = Webhooks()
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
        for key in ("certificate", "key"):
            if name := (data.get("tls") or {}).get(key):
                data["tls"][key] = os.path.abspath(file.parent / Path(name).expanduser())
    data = {key: value for key, value in data.items() if value is not None} | given
    if "root" not in data:
        raise ConfigError(f"{file or 'The command line'}: root is missing; it must be the folder to serve.")
    data["root"] = os.path.abspath(data["root"])
    config = msgspec.convert(data, Config, dec_hook=_decode)
    _check_tls(config.tls, file)
    _check_order(config.locks, file)
    _check_zone(config.rest.time_zone, file)
    _check_networks(config.webhooks.allow, "webhooks.allow", file)
    _check_networks(config.trusted_proxies, "trusted_proxies", file, also_addresses=True)
    return config


def policy(config: Config) -> Policy:
    """What a configuration says of versions."""
    v = config.versions
    return Policy(
        default=Semantics(v.semantics),
        patterns=tuple((paths.canonical_name(each.match), Semantics(each.semantics)) for each in v.patterns),
        scratch=tuple(map(paths.canonical_name, v.scratch)),
        versions=v.keep_versions,
        version_seconds=v.keep_days * DAY or float("inf"),
        deleted_seconds=v.keep_deleted_days * DAY,
        draft_seconds=v.keep_drafts_days * DAY,
        history_seconds=v.keep_history_days * DAY,
        event_seconds=config.events.keep_hours * 3600.0,
    )


def document_management(config: Config) -> str:
    """The DocumentManagementServer header (MS-WDVME 2.2.1), only as far as it is true; empty if it is not to be sent."""
    kinds = {config.versions.semantics, *(each.semantics for each in config.versions.patterns)}
    if not config.webdav.document_management or kinds == {"None"}:
        return ""
    return "Source Control; Version History;" if "Versioning" in kinds else "Source Control;"


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
        if key not in fields:
            raise ConfigError(f"{source}: {prefix}{key} is not a key that exists; possible here are {_listed(list(fields), 'and')}.")
        if value is None and _is_section(fields[key].type):  # a heading whose keys are all commented out
            continue
        _check_value(value, source, fields[key].type, f"{prefix}{key}")


def _check_value(value: object, source: str, kind: Any, key: str) -> None:
    if _is_section(kind) and isinstance(value, dict):
        _check(value, source, kind, f"{key}.")
        for field in msgspec.structs.fields(kind):
            if field.required and field.name not in value:
                raise ConfigError(f"{source}: {key}.{field.name} is missing; it must be {_allowed(inspect.type_info(field.type))}.")
        return
    if get_origin(kind) is tuple and isinstance(value, list):
        for number, each in enumerate(value):
            _check_value(each, source, get_args(kind)[0], f"{key}[{number}]")
        return
    try:
        msgspec.convert(value, kind, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {key} is {_shown(value)}; it must be {_allowed(inspect.type_info(kind))}.") from error


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _check_tls(tls: Tls, file: Path | None) -> None:
    if tls.key and not tls.certificate:
        raise ConfigError(f"{file or 'The command line'}: tls.certificate is missing; tls.key is there, and belongs to one.")
    if tls.certificate and tls.self_signed:
        raise ConfigError(f"{file or 'The command line'}: tls.self_signed is true; it must be false where there is a tls.certificate.")


def _check_order(locks: Locks, file: Path | None) -> None:
    if not locks.minimum_seconds <= locks.default_seconds <= locks.maximum_seconds:
        raise ConfigError(
            f"{file or 'The command line'}: locks.default_seconds is {locks.default_seconds}; it must be from "
            f"locks.minimum_seconds ({locks.minimum_seconds}) to locks.maximum_seconds ({locks.maximum_seconds})."
        )


def _check_networks(allowed: tuple[str, ...], key: str, file: Path | None, also_addresses: bool = False) -> None:
    for number, each in enumerate(allowed):
        with suppress(ValueError):
            if ("/" not in each and not also_addresses) or ipaddress.ip_network(each, strict=False):
                continue
        raise ConfigError(f"{file or 'The command line'}: {key}[{number}] is {_shown(each)}; there is no such network.")


def _check_zone(name: str, file: Path | None) -> None:
    if name not in zoneinfo.available_timezones():
        raise ConfigError(
            f"{file or 'The command line'}: rest.time_zone is {_shown(name)}; it must be a time zone that there is, such as UTC."
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
        case inspect.VarTupleType(item_type=item):
            return f"a list ([] for none), each item {_allowed(item)}"
        case _:
            return "the path of a folder"


def _listed(words: list[str], conjunction: str) -> str:
    return f" {conjunction} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _shown(value: object) -> str:
    if isinstance(value, (dict, list, set)):  # which may contain itself
        return "a heading with keys" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
