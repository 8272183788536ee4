"""The workloads: what a connection repeats, and how its effect is checked once before anything is measured.

Every connection works on files of its own, so that no request waits for a lock of another connection.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import LOCK_HEADERS, LOCKED, LOCKINFO, UNLOCKED, WRITTEN, Client
from benchmarks.load import TOKEN, Cycle, Exchange, Wrong
from benchmarks.servers import Server, davlock_command, peers

API = "/api/v1"
CONNECTIONS = 16
FILES_EACH = 4
HELD = 10_000
TREE = 1_000  # files in the folder that is copied and moved
AUTHOR = "/_vti_bin/_vti_aut/author.dll"
VERMEER_HEADERS = {"Content_Type": "application/x-vermeer-urlencoded", "X_Vermeer_Content_Type": "application/x-vermeer-urlencoded"}

ALLPROP = b'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>'
EXPLORER = (
    "displayname",
    "resourcetype",
    "getcontentlength",
    "getlastmodified",
    "creationdate",
    "getetag",
    "lockdiscovery",
    "supportedlock",
)
NAMED = (
    b'<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>'
    + b"".join(f"<D:{name}/>".encode() for name in EXPLORER)
    + b"</D:prop></D:propfind>"
)
MOST_COPIES = 200  # of one cell: more than any server makes in its time
COLUMNS = ("documentId", "name", "checkoutState", "checkedOutBy", "checkedOutAt", "checkedOutUntil")


@dataclass(frozen=True, slots=True)
class Workload:
    """One op is one cycle. cycles(client, n): those of the n-th connection.

    subject, against: the servers whose ops/s make the ratio. least: the target for it, None if there is none.
    beside: the cycles of `against`, where they are not the same.
    lists: the folder that it lists, and how many files there are in it.
    writes: leaves pages behind that the disk would otherwise be busy with while the next one is measured.
    """

    name: str
    about: str
    connections: int
    cycles: Callable[[Client, int], list[Cycle]]
    check: Callable[[Server], None]
    subject: str = "davlock"
    against: str = "stock"
    least: float | None = None
    lists: tuple[str, int] | None = None
    writes: bool = False
    beside: Callable[[Client, int], list[Cycle]] | None = None

    @property
    def has_peers(self) -> bool:
        """Whether other servers can do the same."""
        return self.against == "stock" and self.beside is None

    def repeated(self, client: Client, number: int, server: str) -> list[Cycle]:
        """The cycles of a connection to one of the two servers."""
        return (self.beside if self.beside and server == self.against else self.cycles)(client, number)


# the tree


def content(size: int, seed: str) -> bytes:
    """Lines of 64 bytes, each of which says whose and which it is."""
    return "".join(f"{seed} {line:012}".ljust(63) + "\n" for line in range(size // 64 + 1)).encode()[:size]


MIB, LARGE_MIB = content(1 << 20, "large"), 100


def build_tree(root: Path, listings: set[tuple[str, int]]) -> None:
    """The files that the workloads of both servers work on; listings: the folders to be listed, and how many files each has."""
    for folder, count in listings:
        _fill(root / folder, count, 100)
    _fill(root / "lock", CONNECTIONS * FILES_EACH, 1024)
    _fill(root / "edit", CONNECTIONS * FILES_EACH, 64 * 1024)
    _fill(root / "get", CONNECTIONS * FILES_EACH, 4096)
    _fill(root / "get64", CONNECTIONS * FILES_EACH, 64 * 1024)
    (root / "large").mkdir()
    with (root / "large/file.bin").open("wb") as file:
        for _ in range(LARGE_MIB):
            file.write(MIB)
    _fill(root / "put", CONNECTIONS * FILES_EACH, 4096)
    _fill(root / "tree", TREE, 4096)


def build_held(root: Path) -> None:
    """The files of the davlock that many other locks are held on."""
    _fill(root / "lock", CONNECTIONS * FILES_EACH, 1024)
    _fill(root / "held", HELD, 16)


def _fill(folder: Path, count: int, size: int) -> None:
    folder.mkdir()
    for number in range(count):
        (folder / _name(number)).write_bytes(content(size, _name(number)))


def _name(number: int) -> str:
    return f"f{number:06}.docx"


def _own(connection: int) -> list[str]:
    """The names of the files of a connection."""
    return [_name(connection * FILES_EACH + i) for i in range(FILES_EACH)]


# what is repeated


def greeting(client: Client) -> Exchange:
    """Logs in; not measured."""
    return Exchange(client.prepared("OPTIONS", "/"), (200,))


def lock(client: Client, path: str) -> Exchange:
    return Exchange(client.prepared("LOCK", path, LOCKINFO, **LOCK_HEADERS), LOCKED, counted=(b":locktoken>", 2), locks=True)


def unlock(client: Client, path: str) -> Exchange:
    return Exchange(client.prepared("UNLOCK", path, Lock_Token=f"<{TOKEN.decode()}>"), UNLOCKED, sends_token=True)


def put(client: Client, path: str, body: bytes, **headers: str) -> Exchange:
    return Exchange(client.prepared("PUT", path, body, **headers), WRITTEN, sends_token=bool(headers))


def _get(client: Client, path: str, body: bytes) -> Exchange:
    return Exchange(client.prepared("GET", path), (200,), body)


def _propfind(client: Client, path: str, depth: str, body: bytes, responses: int) -> Exchange:
    request = client.prepared("PROPFIND", path, body, Depth=depth, Content_Type="application/xml")
    # Not the responses themselves: Apache gives their tags attributes, others do not.
    return Exchange(request, (207,), counted=(b":getlastmodified>", 2 * responses))


def _lock_cycles(client: Client, connection: int) -> list[Cycle]:
    return [(lock(client, path), unlock(client, path)) for path in (f"/lock/{name}" for name in _own(connection))]


def _checkout(client: Client, document: str, timeout: int = 60) -> bytes:
    return _call(client, "checkout+document", document, f"force=0&timeout={timeout}")


def _uncheckout(client: Client, document: str) -> bytes:
    return _call(client, "uncheckout+document", document, "force=false&rlsshortterm=true")


def _call(client: Client, method: str, document: str, parameters: str) -> bytes:
    """As Office 2007 sends it."""
    body = f"method={method}:12.0.0.6211&service_name=&document_name={document}&{parameters}\n".encode()
    return client.prepared("POST", AUTHOR, body, **VERMEER_HEADERS)


def _checkout_cycles(client: Client, connection: int) -> list[Cycle]:
    def checked(name: str) -> Cycle:
        held = Exchange(_checkout(client, f"lock/{name}"), (200,), counted=(b"vti_sourcecontrollockexpires", 1))
        return held, Exchange(_uncheckout(client, f"lock/{name}"), (200,), counted=(b"<p>status=", 0))

    return [checked(name) for name in _own(connection)]


def _numbers(client: Client, folder: str) -> dict[str, int]:
    """What REST knows the documents in a folder by."""
    listed = json.loads(client.expect((200,), "GET", f"{API}/Document?path={folder}&$select=documentId,name"))
    return {row["name"]: row["documentId"] for row in listed["value"]}


def _rest_lock(client: Client, method: str, number: int) -> Exchange:
    path = f"{API}/Document/{number}/Lock?allowedReturnTypes=Message"
    return Exchange(client.prepared(method, path, Accept="application/json; charset=utf-8"), (200,), counted=(b'"Success":true', 1))


def _rest_checkout_cycles(client: Client, connection: int) -> list[Cycle]:
    numbers = _numbers(client, "/lock")
    return [tuple(_rest_lock(client, method, numbers[name]) for method in ("POST", "DELETE")) for name in _own(connection)]


def _edit_cycles(client: Client, connection: int) -> list[Cycle]:
    """What Office asks for between opening a document and closing it after one save."""

    def edit(name: str) -> Cycle:
        path, body = f"/edit/{name}", content(64 * 1024, name)
        return (
            Exchange(client.prepared("OPTIONS", path), (200, 204)),
            _propfind(client, path, "0", NAMED, 1),
            lock(client, path),
            _get(client, path, body),
            put(client, path, body, If=f"(<{TOKEN.decode()}>)"),
            unlock(client, path),
        )

    return [edit(name) for name in _own(connection)]


# what must be true


def _copies(client: Client, connection: int) -> list[Cycle]:
    def copy(name: str) -> Cycle:
        return (Exchange(client.prepared("COPY", "/tree/", Destination=client.url(f"/copy-{name}/"), Depth="infinity"), (201,)),)

    return [copy(uuid.uuid4().hex) for _ in range(MOST_COPIES)]  # all of them stay until the end


def _copies_deleted(client: Client, connection: int) -> list[Cycle]:
    copy = client.prepared("COPY", "/tree/", Destination=client.url("/copy/"), Depth="infinity")
    return [(Exchange(copy, (201,)), Exchange(client.prepared("DELETE", "/copy/"), (204,)))]


def _moves(client: Client, connection: int) -> list[Cycle]:
    there = client.prepared("MOVE", "/tree/", Destination=client.url("/moved/"))
    back = client.prepared("MOVE", "/moved/", Destination=client.url("/tree/"))
    return [(Exchange(there, (201,)), Exchange(back, (201,)))]


def check_login(server: Server) -> None:
    """Whoever does not log in gets nothing."""
    with server.client(None) as nobody:
        nobody.expect((401,), "PROPFIND", "/", NAMED, Depth="0")
        nobody.expect((401,), "GET", "/get/f000000.docx")


def _check_lock(server: Server, path: str = "/lock/f000000.docx") -> None:
    """A lock keeps a second user out, lets its holder in, is seen, and ends."""
    body = (server.root / path[1:]).read_bytes()
    with server.client() as alice, server.client("bob") as bob:
        token = alice.lock(path)
        bob.expect((423,), "PUT", path, b"intruder")
        bob.expect((423,), "LOCK", path, LOCKINFO, **LOCK_HEADERS)
        if token.encode() not in alice.expect((207,), "PROPFIND", path, NAMED, Depth="0"):
            raise Wrong("lockdiscovery does not show the lock")
        alice.expect(WRITTEN, "PUT", path, body, If=f"(<{token}>)")
        alice.expect(UNLOCKED, "UNLOCK", path, Lock_Token=f"<{token}>")
        bob.expect(WRITTEN, "PUT", path, body)
    if (server.root / path[1:]).read_bytes() != body:
        raise Wrong(f"{path} does not hold what was stored last")


def _check_checkout(server: Server, path: str = "/lock/f000000.docx") -> None:
    """A short-term checkout keeps a second user out at both doors, lets its holder in, and ends."""
    body = (server.root / path[1:]).read_bytes()
    with server.client() as alice, server.client("bob") as bob:

        def call(client: Client, method: str, parameters: str) -> bytes:
            asked = f"method={method}:12.0.0.6211&document_name={path[1:]}&{parameters}\n".encode()
            return client.expect((200,), "POST", AUTHOR, asked, **VERMEER_HEADERS)

        if b"<li>SR|alice\n" not in call(alice, "checkout+document", "force=0&timeout=60"):
            raise Wrong("checkout document does not show the holder")
        bob.expect((423,), "PUT", path, b"intruder")
        if b"<li>status=589838\n" not in call(bob, "checkout+document", "force=0&timeout=60"):
            raise Wrong("a second user was not refused")
        alice.expect(WRITTEN, "PUT", path, body)
        if b"<p>status=" in call(alice, "uncheckout+document", "rlsshortterm=true"):
            raise Wrong("uncheckout document was refused")
        bob.expect(WRITTEN, "PUT", path, body)
    _check_lock(server, path)


def _check_rest_checkout(server: Server, name: str = "f000000.docx") -> None:
    """A checkout keeps a second user out at both doors, has a draft, and ends."""
    path = f"/lock/{name}"
    body = (server.root / path[1:]).read_bytes()
    with server.client() as alice, server.client("bob") as bob:
        lock = f"{API}/Document/{_numbers(alice, '/lock')[name]}/Lock"
        if not json.loads(alice.expect((200,), "POST", lock))["Success"]:
            raise Wrong("it could not be checked out")
        bob.expect((423,), "PUT", path, b"intruder")
        refused = json.loads(bob.expect((200,), "POST", f"{lock}?allowedReturnTypes=Message"))
        if refused["Success"] or "checked out by alice since" not in refused["Value"]:
            raise Wrong("a second user was not refused")
        alice.expect(WRITTEN, "PUT", path, b"draft")
        if bob.expect((200,), "GET", path) != body or alice.expect((200,), "GET", path) != b"draft":
            raise Wrong("the draft is not seen by its holder alone")
        if not json.loads(alice.expect((200,), "DELETE", lock))["Success"] or (server.root / path[1:]).read_bytes() != body:
            raise Wrong("the checkout was not undone")
        bob.expect(WRITTEN, "PUT", path, body)
    _check_lock(server, path)


def _check_edit(server: Server) -> None:
    _check_lock(server, "/edit/f000000.docx")


def check_held(server: Server) -> None:
    """All the other locks stand, on the disk, and keep a second user out."""
    standing = json.loads(davlock_command("locks", "list", "--json", "--root", str(server.root)))
    if len(standing) != HELD:
        raise Wrong(f"{len(standing)} locks stand, not {HELD}")
    with server.client("bob") as bob:
        bob.expect((423,), "PUT", f"/held/{_name(HELD // 2)}", b"intruder")


def _check_get(folder: str, size: int) -> Callable[[Server], None]:
    def check(server: Server) -> None:
        with server.client() as alice:
            if alice.expect((200,), "GET", f"/{folder}/f000000.docx") != content(size, "f000000.docx"):
                raise Wrong("GET gave other bytes than those stored")

    return check


def _check_large(server: Server) -> None:
    with server.client() as alice, alice.open("GET", "/large/file.bin") as answer:
        for _ in range(LARGE_MIB):
            if answer.read(len(MIB)) != MIB:
                raise Wrong("GET gave other bytes than those stored")
        if answer.read(1):
            raise Wrong("GET gave more bytes than those stored")


def _check_put(server: Server) -> None:
    body = content(4096, "checked")
    with server.client() as alice:
        alice.expect(WRITTEN, "PUT", "/put/f000000.docx", body)
        if alice.expect((200,), "GET", "/put/f000000.docx") != body or (server.root / "put/f000000.docx").read_bytes() != body:
            raise Wrong("what was PUT is not what is there")


def _check_transfer(method: str) -> Callable[[Server], None]:
    def check(server: Server) -> None:
        contents = {_name(number): content(4096, _name(number)) for number in range(TREE)}

        def found(folder: str) -> dict[str, bytes]:
            return {file.name: file.read_bytes() for file in (server.root / folder).glob("*")}

        with server.client() as alice:
            alice.expect((201,), method, "/tree/", Destination=alice.url("/checked/"))
            if found("checked") != contents or found("tree") != (contents if method == "COPY" else {}):
                raise Wrong(f"after {method} the files are not where they should be")
            if method == "COPY":
                alice.expect((204,), "DELETE", "/checked/")
            else:
                alice.expect((201,), "MOVE", "/checked/", Destination=alice.url("/tree/"))
        if found("tree") != contents or found("checked"):
            raise Wrong(f"after {method} and back the files are not what they were")

    return check


def _check_propfind(count: int, body: bytes) -> Callable[[Server], None]:
    def check(server: Server) -> None:
        with server.client() as alice:
            found = alice.members(f"/list-{count}/", body)
        wanted = {_name(number) for number in range(count)}
        listed = {href.rpartition("/")[2]: properties for href, properties in found.items()}
        if listed.keys() != wanted | {""} or len(found) != count + 1:
            raise Wrong(f"PROPFIND shows {len(found)} of {count} files and their folder")
        for name in wanted:
            if listed[name].get("getcontentlength") != "100":
                raise Wrong(f"PROPFIND does not show the length of {name}")
            if body is NAMED and server.name not in peers() and not listed[name].keys() >= set(EXPLORER):
                raise Wrong(f"PROPFIND shows only {' '.join(listed[name])} of {name}")

    return check


def _check_rest_list(folder: str, count: int, asked: str) -> Callable[[Server], None]:
    """All of them are listed, each with its number, and who holds which."""

    def check(server: Server) -> None:
        held = f"/{folder}/{_name(count // 2)}"
        with server.client() as alice, server.client("bob") as bob:
            token = bob.lock(held)
            rows = json.loads(alice.expect((200,), "GET", asked))["value"]
            bob.expect(UNLOCKED, "UNLOCK", held, Lock_Token=f"<{token}>")
        if {row["name"] for row in rows} != {_name(number) for number in range(count)} or len({row["documentId"] for row in rows}) != count:
            raise Wrong(f"{len(rows)} of {count} documents are listed, or they have not all a number")
        shown = [(row["name"], row["checkoutState"], row["checkedOutBy"]) for row in rows if row["checkoutState"] != "NotCheckedOut"]
        if shown != [(_name(count // 2), "CheckedOutOther", "bob")]:
            raise Wrong(f"{shown} are shown as held, not {held}")

    return check


# the list


def _getting(name: str, about: str, folder: str, size: int, least: float) -> Workload:
    def cycles(client: Client, connection: int) -> list[Cycle]:
        return [(_get(client, f"/{folder}/{each}", content(size, each)),) for each in _own(connection)]

    return Workload(name, about, CONNECTIONS, cycles, _check_get(folder, size), least=least)


def _listing(kind: str, body: bytes, count: int) -> Workload:
    def cycles(client: Client, connection: int) -> list[Cycle]:
        return [(_propfind(client, f"/list-{count}/", "1", body, count + 1),)]

    about = f"PROPFIND depth 1, {kind}, {count:,} files"
    return Workload(f"propfind-{kind}-{count}", about, 1, cycles, _check_propfind(count, body), least=15.0, lists=(f"list-{count}", count))


def _rest_listing(name: str, about: str, columns: tuple[str, ...], least: float | None) -> Workload:
    """In a folder of its own: it gives the documents in it numbers, which is something that PROPFIND looks for from then on."""
    folder, count = "rest-list", 10_000
    asked = f"{API}/Document?path=/{folder}" + (f"&$select={','.join(columns)}" if columns else "")

    def cycles(client: Client, connection: int) -> list[Cycle]:
        return [(Exchange(client.prepared("GET", asked), (200,), counted=(b'"checkedOutBy":', count)),)]

    def beside(client: Client, connection: int) -> list[Cycle]:
        return [(_propfind(client, f"/{folder}/", "1", NAMED, count + 1),)]

    about = f"REST list, {about}, beside PROPFIND depth 1, named, {count:,} files"
    check = _check_rest_list(folder, count, asked)
    return Workload(name, about, 1, cycles, check, "rest", "davlock", least, (folder, count), beside=beside)


def workloads() -> list[Workload]:
    """All, in the order in which they run."""
    edited = b"edited"
    return [
        *(_listing(kind, body, count) for count in (100, 1_000, 10_000) for kind, body in (("allprop", ALLPROP), ("named", NAMED))),
        Workload("lock-1", "LOCK + UNLOCK, 1 connection", 1, _lock_cycles, _check_lock, least=1.2),
        Workload("lock-16", "LOCK + UNLOCK, 16 connections", CONNECTIONS, _lock_cycles, _check_lock, least=4.0),
        Workload("lock-held", "LOCK + UNLOCK, 1 connection, 10,000 other locks held", 1, _lock_cycles, _check_lock, "held", "davlock", 0.9),
        Workload(
            "checkout",
            "FrontPage checkout + uncheckout document beside WebDAV LOCK + UNLOCK, 16 connections",
            CONNECTIONS,
            _checkout_cycles,
            _check_checkout,
            "frontpage",
            "davlock",
            0.7,
            beside=_lock_cycles,
        ),
        Workload(
            "rest-checkout",
            "REST check-out + undo beside WebDAV LOCK + UNLOCK, 16 connections",
            CONNECTIONS,
            _rest_checkout_cycles,
            _check_rest_checkout,
            "rest",
            "davlock",
            0.8,
            beside=_lock_cycles,
        ),
        _rest_listing("rest-list-10000", "checkout state", COLUMNS, 2.0),
        _rest_listing("rest-list-default", "default columns", (), None),
        _getting("get-4k", "GET 4 KiB, 16 connections", "get", 4096, 4.0),
        _getting("get-64k", "GET 64 KiB, 16 connections", "get64", 64 * 1024, 3.0),
        Workload(
            "get-100m",
            f"GET {LARGE_MIB} MiB, 1 connection",
            1,
            lambda client, n: [(Exchange(client.prepared("GET", "/large/file.bin"), (200,), MIB, LARGE_MIB),)],
            _check_large,
            least=4.0,
        ),
        Workload(
            "put-4k",
            "PUT 4 KiB, 16 connections",
            CONNECTIONS,
            lambda client, n: [(put(client, f"/put/{name}", content(4096, edited.decode())),) for name in _own(n)],
            _check_put,
            least=1.0,
            writes=True,
        ),
        Workload("edit-16", "Office's edit cycle, 64 KiB, 16 connections", CONNECTIONS, _edit_cycles, _check_edit, least=3.0, writes=True),
        Workload("copy-1000", "COPY of a tree of 1,000 files", 1, _copies, _check_transfer("COPY"), least=1.5, writes=True),
        Workload(
            "delete-1000", "COPY of a tree of 1,000 files, DELETE of the copy", 1, _copies_deleted, _check_transfer("COPY"), writes=True
        ),
        Workload("move-1000", "MOVE of a tree of 1,000 files, there and back", 1, _moves, _check_transfer("MOVE"), least=50.0, writes=True),
    ]
