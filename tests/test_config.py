from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from davlock.config import (
    Auth,
    Clients,
    Config,
    ConfigError,
    Documents,
    Events,
    FrontPage,
    Locks,
    Log,
    Pattern,
    Rest,
    Tls,
    Versions,
    WebDav,
    Webhooks,
    document_management,
    load,
    policy,
)
from davlock.model import Semantics

TOP = (
    "is not a key that exists; possible here are root, host, port, tls, trusted_proxies, insecure_http, workers, threads, pinned, "
    "drain_seconds, clients, locks, documents, versions, auth, webdav, fprpc, rest, events, webhooks and log."
)
LOCKS = "minimum_seconds, default_seconds and maximum_seconds."
SECONDS = "it must be a whole number from 1 to 4294967295."
HOST = "it must be an address such as 127.0.0.1 or ::1, or the name of this host."
SEMANTICS = "it must be the word None, Locking or Versioning (null and ~ are not the word None)."
MATCH = 'a pattern in quotes, for names such as "*.tmp" or for whole paths such as "/contracts/*"'
DAYS = "it must be a whole number from 0 to 36500."
ORIGIN = 'a site without a path, such as "https://app.example.com", "http://localhost*" for any port of it, or "*" for all'
ALLOWED = 'a network such as "10.0.5.0/24", or the name or address of a host, with or without a port: "hooks.intern:8443"'
PROXY = 'an address or a network, such as "127.0.0.1", "::1" or "10.0.5.0/24"'
REALM = "it must be plain ASCII text without quotes and backslashes."
EXAMPLE = Path(__file__).resolve().parents[1] / "config" / "davlock.yaml"


def written(folder: Path, text: str) -> Path:
    file = folder / "davlock.yaml"
    file.write_text(text)
    return file


def refusal(file: Path | None, **overrides: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(file, **overrides)
    assert "\n" not in caught.value.message
    assert caught.value.message.endswith(".")
    return caught.value.message


def keys(section: type[msgspec.Struct]) -> dict[str, Any]:
    """The names of all keys, nested like the file."""

    def below(kind: object) -> dict[str, Any] | None:
        return keys(kind) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None

    return {field.name: below(field.type) for field in msgspec.structs.fields(section)}


def test_the_defaults() -> None:
    assert load(None, root="/srv/documents") == Config(
        root=Path("/srv/documents"),
        host="127.0.0.1",
        port=8080,
        tls=Tls(certificate="", key="", self_signed=False),
        trusted_proxies=(),
        insecure_http=False,
        workers=0,
        threads=16,
        drain_seconds=25,
        clients=Clients(
            connections=0,
            connections_per_address=256,
            idle_seconds=60,
            head_seconds=10,
            body_seconds=20,
            answer_seconds=30,
            least_rate=500,
        ),
        locks=Locks(minimum_seconds=1, default_seconds=600, maximum_seconds=604800),
        documents=Documents(max_upload_bytes=0, tunnel_seconds=15),
        versions=Versions(
            semantics="Versioning",
            patterns=(),
            keep_versions=500,
            keep_days=0,
            keep_deleted_days=30,
            keep_drafts_days=90,
            keep_history_days=365,
        ),
        auth=Auth(realm="davlock", free_failures=5),
        webdav=WebDav(ms_author_via="DAV", document_management=True, combined_requests=False),
        fprpc=FrontPage(reopen_own="refuse", default_minutes=10),
        events=Events(keep_hours=168, streams=0, stream_seconds=60),
        webhooks=Webhooks(enabled=False, require_https=True, allow=(), most_errors=9),
        log=Log(level="info"),
    )


def test_the_example_names_every_key_with_its_default() -> None:
    def names(data: object) -> dict[str, Any] | None:
        return {key: names(value) for key, value in data.items()} if isinstance(data, dict) else None

    assert names(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))) == keys(Config)
    assert load(EXAMPLE) == load(None, root="/srv/documents")


def test_every_key_of_a_file_is_used(tmp_path: Path) -> None:
    text = """
        {root: /data, host: "::1", port: 0, tls: {certificate: a.pem, key: /b.pem}, trusted_proxies: ["127.0.0.1", fe80::/10],
         insecure_http: true, workers: 64, threads: 256, pinned: false,
         drain_seconds: 1,
         clients: {connections: 20, connections_per_address: 21, idle_seconds: 22, head_seconds: 23, body_seconds: 24,
                   answer_seconds: 25, least_rate: 26},
         locks: {minimum_seconds: 2, default_seconds: 3, maximum_seconds: 4},
         documents: {max_upload_bytes: 5, tunnel_seconds: 6}, auth: {realm: My documents, free_failures: 13},
         versions: {semantics: Locking, patterns: [{match: "*.docx", semantics: Versioning}, {match: /scans/*, semantics: None}],
                    scratch: ["*.bak"], keep_versions: 7, keep_days: 8, keep_deleted_days: 9, keep_drafts_days: 10,
                    keep_history_days: 11},
         webdav: {ms_author_via: "MS-FP/4.0,DAV", document_management: false, combined_requests: true},
         fprpc: {reopen_own: extend, default_minutes: 12}, rest: {cors_origins: ["*"]}, log: {level: debug}}"""
    assert load(written(tmp_path, text)) == Config(
        root=Path("/data"),
        host="::1",
        port=0,
        tls=Tls(str(tmp_path / "a.pem"), "/b.pem"),
        trusted_proxies=("127.0.0.1", "fe80::/10"),
        insecure_http=True,
        workers=64,
        threads=256,
        pinned=False,
        drain_seconds=1,
        clients=Clients(20, 21, 22, 23, 24, 25, 26),
        locks=Locks(2, 3, 4),
        documents=Documents(5, 6),
        versions=Versions("Locking", (Pattern("*.docx", "Versioning"), Pattern("/scans/*", "None")), ("*.bak",), 7, 8, 9, 10, 11),
        auth=Auth("My documents", 13),
        webdav=WebDav("MS-FP/4.0,DAV", False, True),
        fprpc=FrontPage("extend", 12),
        rest=Rest(cors_origins=("*",)),
        log=Log("debug"),
    )


def test_what_is_left_out_keeps_its_default(tmp_path: Path) -> None:
    assert load(written(tmp_path, "root: /data\nlocks:\n  default_seconds: 60\ndocuments:\n")) == Config(
        root=Path("/data"), locks=Locks(default_seconds=60)
    )
    assert load(written(tmp_path, ""), root="/data") == Config(root=Path("/data"))


def test_overrides_win_unless_they_are_none(tmp_path: Path) -> None:
    file = written(tmp_path, "{root: /data, port: 1234, host: localhost}")
    assert load(file, root=Path("/other"), port=80, host=None, workers=None) == Config(root=Path("/other"), port=80, host="localhost")


def test_a_relative_root_is_relative_to_where_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    written(tmp_path / "etc", "root: docs")
    assert load(Path("../etc/davlock.yaml")).root == tmp_path / "etc" / "docs"
    assert load(Path("../etc/davlock.yaml"), root="docs").root == tmp_path / "here" / "docs"
    assert load(None, root=".").root == tmp_path / "here"
    written(tmp_path / "etc", "{root: docs, tls: {certificate: certs/a.pem, key: ../b.pem}}")
    assert load(Path("../etc/davlock.yaml")).tls == Tls(str(tmp_path / "etc" / "certs" / "a.pem"), str(tmp_path / "b.pem"))
    assert load(Path("../etc/davlock.yaml"), tls={"self_signed": True}).tls == Tls(self_signed=True)
    monkeypatch.setenv("HOME", "/home/alice")
    assert load(written(tmp_path, "root: ~/docs")).root == Path("/home/alice/docs")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("port: 70000", "port is 70000; it must be a whole number from 0 to 65535."),
        ("port: -1", "port is -1; it must be a whole number from 0 to 65535."),
        ("port: '8080'", 'port is "8080"; it must be a whole number from 0 to 65535.'),
        ("port: true", "port is true; it must be a whole number from 0 to 65535."),
        ("port:", "port is null; it must be a whole number from 0 to 65535."),
        ("port: 8080.5", "port is 8080.5; it must be a whole number from 0 to 65535."),
        ("port: &a [*a]", "port is a list; it must be a whole number from 0 to 65535."),
        ("tls: {certificate: 1}", 'tls.certificate is 1; it must be the path of a file, "" for none.'),
        ('tls: {key: "a\\0b"}', r'tls.key is "a\u0000b"; it must be the path of a file, "" for none.'),
        ("tls: {self_signed: localhost}", 'tls.self_signed is "localhost"; it must be true or false.'),
        ("{root: /d, tls: {key: a.pem}}", "tls.certificate is missing; tls.key is there, and belongs to one."),
        ("{root: /d, tls: {certificate: a, self_signed: true}}",
            "tls.self_signed is true; it must be false where there is a tls.certificate."),
        ("trusted_proxies: 127.0.0.1", f'trusted_proxies is "127.0.0.1"; it must be a list ([] for none), each item {PROXY}.'),
        ("trusted_proxies: [localhost]", f'trusted_proxies[0] is "localhost"; it must be {PROXY}.'),
        ('trusted_proxies: ["::1", "*"]', f'trusted_proxies[1] is "*"; it must be {PROXY}.'),
        ("{root: /d, trusted_proxies: [127.0.0.256]}", 'trusted_proxies[0] is "127.0.0.256"; there is no such network.'),
        ("{root: /d, trusted_proxies: [10.0.0.0/33]}", 'trusted_proxies[0] is "10.0.0.0/33"; there is no such network.'),
        ("insecure_http: 1", "insecure_http is 1; it must be true or false."),
        ("workers: -1", "workers is -1; it must be a whole number from 0 to 64."),
        ("workers: 65", "workers is 65; it must be a whole number from 0 to 64."),
        ("pinned: 1", "pinned is 1; it must be true or false."),
        ("threads: 257", "threads is 257; it must be a whole number from 1 to 256."),
        ("drain_seconds: 0", f"drain_seconds is 0; {SECONDS}"),
        ("locks: {default_seconds: ten}", f'locks.default_seconds is "ten"; {SECONDS}'),
        ("locks: {minimum_seconds: .inf}", f"locks.minimum_seconds is Infinity; {SECONDS}"),
        ("documents: {tunnel_seconds: 0}", f"documents.tunnel_seconds is 0; {SECONDS}"),
        ("log: {level: loud}", 'log.level is "loud"; it must be debug, error, info or warning.'),
        ("log: {level: [info]}", "log.level is a list; it must be debug, error, info or warning."),
        ("locks: 5", f"locks is 5; it must be a heading with keys below it: {LOCKS}"),
        ("lock: {}", f"lock {TOP}"),
        ("locks: {default: 5}", f"locks.default is not a key that exists; possible here are {LOCKS}"),
        ("8080: x", f"8080 {TOP}"),
        ("host: ''", f'host is ""; {HOST}'),
        ("host: http://here/", f'host is "http://here/"; {HOST}'),
        ("auth: {realm: 'my \"docs\"'}", rf'auth.realm is "my \"docs\""; {REALM}'),
        ('auth: {realm: "a\\r\\nb"}', rf'auth.realm is "a\r\nb"; {REALM}'),
        ("webdav: {ms_author_via: MS-FP/4.0}",
            'webdav.ms_author_via is "MS-FP/4.0"; it must be one of "DAV", "DAV,MS-FP/4.0" and "MS-FP/4.0,DAV".'),
        ("webdav: {ms_author_via: [DAV]}",
            'webdav.ms_author_via is a list; it must be one of "DAV", "DAV,MS-FP/4.0" and "MS-FP/4.0,DAV".'),
        ("webdav: {document_management: 1}", "webdav.document_management is 1; it must be true or false."),
        ("webdav: {combined_requests: PROPFIND}", 'webdav.combined_requests is "PROPFIND"; it must be true or false.'),
        ("rest: {cors_origins: '*'}", f'rest.cors_origins is "*"; it must be a list ([] for none), each item {ORIGIN}.'),
        ("rest: {cors_origins: [https://a.example/]}", f'rest.cors_origins[0] is "https://a.example/"; it must be {ORIGIN}.'),
        ("rest: {cors_origins: ['*', a.example]}", f'rest.cors_origins[1] is "a.example"; it must be {ORIGIN}.'),
        ("rest: {cors_origins: ['https://*.example']}", f'rest.cors_origins[0] is "https://*.example"; it must be {ORIGIN}.'),
        ("rest: {cors_origins: ['http://local*host']}", f'rest.cors_origins[0] is "http://local*host"; it must be {ORIGIN}.'),
        ("rest: {cors_origins: ['http://a:8*']}", f'rest.cors_origins[0] is "http://a:8*"; it must be {ORIGIN}.'),
        ('rest: {cors_origins: ["https://a\\n"]}', rf'rest.cors_origins[0] is "https://a\n"; it must be {ORIGIN}.'),
        ("rest: {cors_origins: ['null']}", f'rest.cors_origins[0] is "null"; it must be {ORIGIN}.'),
        ("rest: {time_zone: ../UTC}", 'rest.time_zone is "../UTC"; it must be the name of a time zone, such as UTC or Europe/Oslo.'),
        ("{root: /d, rest: {time_zone: Mars/Base}}", 'rest.time_zone is "Mars/Base"; it must be a time zone that there is, such as UTC.'),
        ("events: {keep_hours: 0}", "events.keep_hours is 0; it must be a whole number from 1 to 876000."),
        ("events: {streams: 257}", "events.streams is 257; it must be a whole number from 0 to 256."),
        ("webhooks: {enabled: 1}", "webhooks.enabled is 1; it must be true or false."),
        ("{root: /d, webhooks: {allow: [10.0.0.0/33]}}", 'webhooks.allow[0] is "10.0.0.0/33"; there is no such network.'),
        ("webhooks: {allow: [a b]}", f'webhooks.allow[0] is "a b"; it must be {ALLOWED}.'),
        ("webhooks: {allow: [http://a/]}", f'webhooks.allow[0] is "http://a/"; it must be {ALLOWED}.'),
        ("fprpc: {reopen_own: yes}", "fprpc.reopen_own is true; it must be extend or refuse."),
        ("fprpc: {default_minutes: 0}", "fprpc.default_minutes is 0; it must be a whole number from 1 to 10080."),
        ("fprpc: {default_minutes: 10081}", "fprpc.default_minutes is 10081; it must be a whole number from 1 to 10080."),
        ("versions: {semantics: none}", f'versions.semantics is "none"; {SEMANTICS}'),
        ("versions: {semantics: ~}", f"versions.semantics is null; {SEMANTICS}"),
        ("versions: {semantics: }", f"versions.semantics is null; {SEMANTICS}"),
        ("versions: {keep_versions: -1}", "versions.keep_versions is -1; it must be a whole number from 0 to 1000000."),
        ("versions: {keep_days: 36501}", f"versions.keep_days is 36501; {DAYS}"),
        ("versions: {keep_deleted_days: 1.5}", f"versions.keep_deleted_days is 1.5; {DAYS}"),
        ("versions: {keep_drafts_days: 0}", "versions.keep_drafts_days is 0; it must be a whole number from 1 to 36500."),
        ("versions: {keep_history_days: '9'}", f'versions.keep_history_days is "9"; {DAYS}'),
        ("versions: []", "versions is a list; it must be a heading with keys below it: semantics, patterns, scratch, keep_versions, "
            "keep_days, keep_deleted_days, keep_drafts_days and keep_history_days."),
        ("versions: {patterns: [{match: a, semantics: ~}]}", f"versions.patterns[0].semantics is null; {SEMANTICS}"),
        ("versions: {patterns: [{match: a, semantics: None}, {match: b, semantics: [x]}]}",
            f"versions.patterns[1].semantics is a list; {SEMANTICS}"),
        ("versions: {patterns: [{match: a}]}", f"versions.patterns[0].semantics is missing; {SEMANTICS}"),
        ("versions: {patterns: [{semantics: None}]}", f"versions.patterns[0].match is missing; it must be {MATCH}."),
        ("versions: {patterns: [{match: a, sematics: None}]}",
            "versions.patterns[0].sematics is not a key that exists; possible here are match and semantics."),
        ("versions: {patterns: [{match: 7, semantics: None}]}", f"versions.patterns[0].match is 7; it must be {MATCH}."),
        ("versions: {patterns: [{match: '', semantics: None}]}", f'versions.patterns[0].match is ""; it must be {MATCH}.'),
        ("versions: {patterns: [{match: scans/x, semantics: None}]}", f'versions.patterns[0].match is "scans/x"; it must be {MATCH}.'),
        ("versions: {patterns: ['*.tmp']}",
            'versions.patterns[0] is "*.tmp"; it must be a heading with keys below it: match and semantics.'),
        ("versions: {patterns: &a [*a]}",
            "versions.patterns[0] is a list; it must be a heading with keys below it: match and semantics."),
        ("versions: {patterns: [~]}", "versions.patterns[0] is null; it must be a heading with keys below it: match and semantics."),
        ("versions: {patterns: {match: a, semantics: None}}", "versions.patterns is a heading with keys; it must be a list ([] for none), "
            "each item a heading with keys below it: match and semantics."),
        ("versions: {patterns: }", "versions.patterns is null; it must be a list ([] for none), "
            "each item a heading with keys below it: match and semantics."),
        ("versions: {scratch: '*.tmp'}", f'versions.scratch is "*.tmp"; it must be a list ([] for none), each item {MATCH}.'),
        ("versions: {scratch: ['*.tmp', 5]}", f"versions.scratch[1] is 5; it must be {MATCH}."),
        ('versions: {scratch: ["a\\nb"]}', rf'versions.scratch[0] is "a\nb"; it must be {MATCH}.'),
        ("root: 7", "root is 7; it must be the path of a folder."),
        ("root: ''", 'root is ""; it must be the path of a folder.'),
        ("port: 1", "root is missing; it must be the folder to serve."),
        (
            "{root: /d, locks: {minimum_seconds: 700}}",
            "locks.default_seconds is 600; it must be from locks.minimum_seconds (700) to locks.maximum_seconds "
            "(604800).",
        ),
        (
            "{root: /d, locks: {maximum_seconds: 500}}",
            "locks.default_seconds is 600; it must be from locks.minimum_seconds (1) to locks.maximum_seconds (500).",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_file_key_value_and_what_is_allowed(tmp_path: Path, text: str, told: str) -> None:
    file = written(tmp_path, text)
    assert refusal(file) == f"{file}: {told}"


def test_the_bounds_themselves_are_allowed(tmp_path: Path) -> None:
    for text in (
        "{root: /d, port: 0, workers: 1, threads: 1, drain_seconds: 1}",
        "{root: /d, port: 65535, workers: 64, threads: 256}",
        "{root: /d, fprpc: {default_minutes: 1}}",
        "{root: /d, fprpc: {default_minutes: 10080}, webdav: {ms_author_via: 'DAV,MS-FP/4.0'}}",
        "{root: /d, rest: {cors_origins: ['*', 'https://a.example', 'HTTP://A.b:65535', 'http://localhost*', 'http://localhost:*', 'http://[::1]*']}}",
        "{root: /d, locks: {minimum_seconds: 5, default_seconds: 5, maximum_seconds: 5}}",
        "{root: /d, versions: {keep_versions: 0, keep_deleted_days: 0, keep_drafts_days: 1, keep_history_days: 0, scratch: []}}",
        "{root: /d, versions: {keep_versions: 1000000, keep_days: 36500, keep_deleted_days: 36500, keep_drafts_days: 36500}}",
    ):
        load(written(tmp_path, text))


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\tport: 1", "x: 2001-13-45", "!!python/object:os.system {}", "\x00", "[" * 3000])
def test_a_file_that_is_not_yaml(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    told = refusal(file)
    assert told.startswith(str(file))
    assert "not valid YAML" in told


def test_the_line_of_a_mistake_is_told(tmp_path: Path) -> None:
    assert ", line 3:" in refusal(written(tmp_path, "port: 1\nhost: x\nlocks: ]\n"))


def test_a_file_that_is_no_list_of_keys(tmp_path: Path) -> None:
    assert "must be a list of keys" in refusal(written(tmp_path, "- port\n- 8080\n"))
    assert "must be a list of keys" in refusal(written(tmp_path, "port 8080"))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    assert refusal(tmp_path / "missing.yaml") == f"{tmp_path}/missing.yaml cannot be read: No such file or directory."
    assert refusal(tmp_path) == f"{tmp_path} cannot be read: Is a directory."
    (tmp_path / "latin.yaml").write_bytes(b"root: /d\xfcrer\n")
    assert "not valid YAML" in refusal(tmp_path / "latin.yaml")


def test_a_wrong_override_is_told() -> None:
    assert refusal(None, root="/d", port=70000) == ("The command line: port is 70000; it must be a whole number from 0 to 65535.")
    assert "root is missing" in refusal(None)
    assert "prot is not a key" in refusal(None, prot=1)


def test_a_value_of_any_length_is_told_briefly(tmp_path: Path) -> None:
    assert len(refusal(written(tmp_path, f"port: {'x' * 100_000}"))) < 300 + len(str(tmp_path))


def test_what_is_said_of_versions_is_done(tmp_path: Path) -> None:
    text = """
        {root: /data, versions: {patterns: [
            {match: "/scans/*.txt", semantics: Versioning}, {match: "/Scans/*", semantics: None}, {match: "u\u0308*", semantics: Locking}],
            scratch: ["*.bak", "o\u0308*"], keep_versions: 7,
            keep_days: 1, keep_deleted_days: 2, keep_drafts_days: 3, keep_history_days: 4}}"""
    made = policy(load(written(tmp_path, text)))
    found = ("/scans/a.txt", "/scans/deep/a.pdf", "/a.pdf", "/\u00dcbersicht.odt", "/a.bak", "/\u00d6l.txt", "/a.tmp")
    assert [made.semantics(path) for path in found] == [
        Semantics.VERSIONING, Semantics.NONE, Semantics.VERSIONING,
        Semantics.LOCKING, Semantics.LOCKING, Semantics.LOCKING, Semantics.VERSIONING,
    ]  # fmt: skip
    assert (made.versions, made.version_seconds, made.deleted_seconds, made.draft_seconds, made.history_seconds) == (
        7, 86_400, 2 * 86_400, 3 * 86_400, 4 * 86_400,
    )  # fmt: skip


def test_versions_are_kept_for_ever_unless_something_else_is_said() -> None:
    made = policy(load(None, root="/data"))
    assert made.version_seconds == float("inf")
    assert made.semantics("/a.docx") is Semantics.VERSIONING
    assert [made.semantics(path) for path in ("/~$a.docx", "/x/.DS_Store", "/A.TMP", "/.~lock.a.odt#")] == [Semantics.LOCKING] * 4


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("{root: /d}", "Source Control; Version History;"),
        (
            "{root: /d, versions: {semantics: None, patterns: [{match: '*.doc', semantics: Versioning}]}}",
            "Source Control; Version History;",
        ),
        ("{root: /d, versions: {semantics: Locking, patterns: [{match: '*.doc', semantics: None}]}}", "Source Control;"),
        ("{root: /d, versions: {semantics: None}}", ""),
        ("{root: /d, webdav: {document_management: false}}", ""),
    ],
)
def test_office_is_told_only_what_is_true(tmp_path: Path, text: str, header: str) -> None:
    assert document_management(load(written(tmp_path, text))) == header


def test_the_examples_in_the_comments_of_the_example_are_right(tmp_path: Path) -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("  #   patterns:"))
    example = [line.replace("  #   ", "  ", 1) for line in lines[first : first + 5]]
    assert load(written(tmp_path, "\n".join(["root: /d", "versions:", *example]))).versions.patterns == (
        Pattern("/scans/*", "None"),
        Pattern("*.mp4", "Locking"),
    )
