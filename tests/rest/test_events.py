"""Events over the API: pages of them, waiting for one, and streams, over real sockets and with several processes."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.rest.conftest import ROOT, Api, Stored
from tests.serving import Client, Raw, Serving


class Listener:
    """A program that listens to the stream; closed with the server at the latest. It waits for a place until those who have hung up
    have lost theirs."""

    def __init__(self, serving: Serving, query: str = "", **headers: str) -> None:
        end = time.monotonic() + 10
        while self._ask(serving, query, headers) == 503:
            assert time.monotonic() < end, "places stay taken"
        assert (self.answer.status, self.block()) == (200, {"retry": "1000"})

    def _ask(self, serving: Serving, query: str, headers: dict[str, str]) -> int:
        self.connection = http.client.HTTPConnection(serving.host, serving.port)
        self.connection.sock = serving.connect(20)
        serving.closing.callback(self.connection.close)
        sent = {"Accept": "text/event-stream", "Authorization": Client(serving, "alice").authorization or ""}
        self.connection.request("GET", f"{ROOT}/Events{query}", headers=sent | {n.replace("_", "-"): v for n, v in headers.items()})
        self.answer = self.connection.getresponse()
        return self.answer.status

    def block(self) -> dict[str, str]:
        """The next block of fields; empty at the end of the stream."""
        found: dict[str, str] = {}
        while line := self.answer.readline().decode():
            if line == "\n":
                return found
            name, _, value = line.rstrip("\n").partition(": ")
            found[name] = value
        return found

    def event(self) -> tuple[str, str]:
        """Name and path of the next event."""
        told = self.block()
        return told["event"], json.loads(told["data"])["Path"]

    def close(self) -> None:
        """Hangs up."""
        self.answer.close()
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def last(api: Api) -> int:
    told: int = api("alice", "GET", "/Events?$top=1")["Last"]
    while (following := api("alice", "GET", f"/Events?after={told}&$top=1000"))["Events"]:
        told = following["Last"]
    return told


def names(page: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["Event"].removeprefix("document."), each["Path"]) for each in page["Events"]]


def test_every_door_tells(api: Api, document: Stored) -> None:
    path, start = document.path, last(api)
    alice = api.client("alice")
    alice.put(path, b"two")
    alice.request(
        "PROPPATCH", path, '<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><c xmlns="x">r</c></D:prop></D:set></D:propertyupdate>'
    )
    api("alice", "POST", f"/Document/{document.id}/Lock")
    api("alice", "DELETE", f"/Document/{document.id}/Lock")
    called = "".join(f"{name}={value}&" for name, value in (("method", "checkout document:6.0.2.5420"), ("document_name", path[1:])))
    fprpc = {"Content_Type": "application/x-www-form-urlencoded", "X_Vermeer_Content_Type": "application/x-www-form-urlencoded"}
    answer = alice.request("POST", "/_vti_bin/_vti_aut/author.dll", f"{called}force=0&timeout=0\n", **fprpc)
    assert answer.status == 200, answer
    page = api("alice", "GET", f"/Events?after={start}")
    assert names(page) == [(name, path) for name in ("edited", "changed", "checkedout", "undone", "checkedout")]
    assert [each["Door"] for each in page["Events"]] == ["webdav", "webdav", "rest", "rest", "fprpc"]
    assert {each["DocumentId"] for each in page["Events"]} == {document.id}
    assert {each["Name"] for each in page["Events"]} == {"alice"}
    assert page["Events"][0]["Version"] == 2
    assert [each["Kind"] for each in page["Events"]] == [None, None, "CHECKOUT", "CHECKOUT", "CHECKOUT"]
    assert page["Last"] == page["Events"][-1]["EventId"]


def test_page_by_page(api: Api, folder: Path) -> None:
    start = last(api)
    for number in range(5):
        api.client("alice").put(f"/{folder.name}/{number}", b"x")
    seen, after = [], start
    while (page := api("bob", "GET", f"/Events?after={after}&$top=2"))["Events"]:
        assert len(page["Events"]) <= 2
        seen += names(page)
        after = page["Last"]
    assert seen == [("created", f"/{folder.name}/{number}") for number in range(5)]


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1_0", "after=99999999999999999999", "$top=0", "$top=1001", "wait=301", "wait=-1"]
)
def test_bad_questions(api: Api, query: str) -> None:
    api.refused(400, "alice", "GET", f"/Events?{query}")


def test_nobody_else_listens(api: Api) -> None:
    assert api.ask("alice", "GET", "/Events", Authorization=None).status == 401
    assert api.ask("alice", "GET", "/Events", Accept="text/event-stream", Authorization=None).status == 401


def test_what_is_not_kept_is_a_reset(api: Api) -> None:
    end = last(api)
    page = api("alice", "GET", f"/Events?after={end + 1000}")
    assert (page["Reset"], page["Events"], page["Last"]) == (True, [], end)
    with Listener(api.serving, query=f"?after={end + 1000}") as listener:
        assert listener.block() == {"id": str(end), "event": "reset", "data": "{}"}


def test_waiting_ends_with_the_first_event(api: Api, folder: Path) -> None:
    start = last(api)
    found: list[dict[str, Any]] = []
    bob = Client(api.serving, "bob")
    waiting = threading.Thread(
        target=lambda: found.append(json.loads(bob.request("GET", Raw(f"{ROOT}/Events?after={start}&wait=30")).body))
    )
    waiting.start()
    api.client("alice").put(f"/{folder.name}/a", b"x")
    waiting.join(20)
    assert names(found[0]) == [("created", f"/{folder.name}/a")]


def test_a_stream_goes_on(api: Api, folder: Path) -> None:
    with Listener(api.serving) as listener:
        assert listener.answer.headers["Content-Type"] == "text/event-stream"
        assert listener.answer.headers["Cache-Control"] == "no-store"
        for name in ("a", "b"):
            api.client("alice").put(f"/{folder.name}/{name}", b"x")
            assert listener.event() == ("document.created", f"/{folder.name}/{name}")
        api.client("alice").request("DELETE", f"/{folder.name}/a")
        assert listener.event() == ("document.deleted", f"/{folder.name}/a")


def test_a_stream_goes_on_where_it_broke_off(api: Api, folder: Path) -> None:
    with Listener(api.serving) as listener:
        api.client("alice").put(f"/{folder.name}/a", b"x")
        known = listener.block()["id"]
    for name in ("b", "c"):
        api.client("alice").put(f"/{folder.name}/{name}", b"x")
    with Listener(api.serving, query="?after=0", Last_Event_ID=known) as listener:
        assert [listener.event() for _ in "bc"] == [("document.created", f"/{folder.name}/{name}") for name in "bc"]


@pytest.mark.parametrize("id", ["x", "-1", "1" * 400, "\u0663".encode().decode("latin-1")])
def test_a_last_event_that_is_none_is_passed_over(api: Api, folder: Path, id: str) -> None:
    with Listener(api.serving, Last_Event_ID=id) as listener:
        api.client("alice").put(f"/{folder.name}/a", b"x")
        assert listener.event() == ("document.created", f"/{folder.name}/a")


def test_what_has_run_out_is_told_to_who_listens(api: Api, document: Stored) -> None:
    with Listener(api.serving) as listener:
        api.client("alice").lock(document.path, timeout="Second-1")
        told = listener.block()
        assert told["event"] == "document.expired"
        data = json.loads(told["data"])
        assert (data["Path"], data["Holder"], data["Kind"], data["Name"]) == (document.path, "alice", "LOCK", "")


def test_only_so_many_listen(tmp_path: Path) -> None:
    folder = tmp_path / "root/folder"
    folder.mkdir(parents=True)
    with Serving(folder.parent, "--workers", "1") as serving:
        _only_so_many_listen(Api(serving), folder)


def _only_so_many_listen(api: Api, folder: Path) -> None:
    with Listener(api.serving) as one, Listener(api.serving) as two, Listener(api.serving) as three, Listener(api.serving) as four:
        fifth = api.ask("bob", "GET", "/Events", Accept="text/event-stream")
        assert (fifth.status, fifth.headers["Retry-After"], json.loads(fifth.body)["Error"]) == (503, "10", True)
        # who cannot wait is answered at once
        assert api("alice", "GET", f"/Events?after={last(api)}&wait=60")["Events"] == []
        api.client("alice").put(f"/{folder.name}/a", b"x")
        assert {each.event() for each in (one, two, three, four)} == {("document.created", f"/{folder.name}/a")}
    with Listener(api.serving):  # the server notices by itself that they have hung up
        pass


def test_head_takes_no_place(api: Api) -> None:
    for _ in range(10):
        answer = api.ask("alice", "HEAD", "/Events", Accept="text/event-stream")
        assert (answer.status, answer.body) == (200, b"")


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    config = tmp_path_factory.mktemp("two") / "davlock.yaml"
    config.write_text("events:\n  stream_seconds: 2\n  streams: 8\n")
    with Serving(config.parent / "root", "--workers", "2", "--config", str(config)) as serving:
        yield serving


def test_all_processes_tell_of_each_other(two_workers: Serving) -> None:
    listeners = [Listener(two_workers) for _ in range(6)]
    writers = [Client(two_workers, "alice") for _ in range(6)]  # whichever process each of them gets
    for number, writer in enumerate(writers):
        assert writer.put(f"/{number}", b"x").status == 201
    for listener in listeners:
        assert [listener.event()[1] for _ in writers] == [f"/{number}" for number in range(6)]
        assert listener.block() == {}  # and it ends by itself
        assert listener.answer.read() == b""


def test_a_stream_ends_when_the_server_stops(tmp_path: Path) -> None:
    with Serving(tmp_path / "root") as serving:
        listener = Listener(serving)
        began = time.monotonic()
        serving.restart()
        assert time.monotonic() - began < 20  # seconds; draining would be 25
        assert listener.block() == {}
        Client(serving, "alice").put("/a", b"x")
        with Listener(serving, query="?after=0") as again:
            assert again.event() == ("document.created", "/a")


def test_who_does_not_read_holds_up_nobody(api: Api, folder: Path) -> None:
    """A stream whose client reads nothing must not keep others from being told."""
    silent = api.serving.connect()
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    authorization = api.client("bob").authorization
    silent.sendall(
        f"GET {ROOT}/Events?after=0 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: {authorization}\r\n\r\n".encode()
    )
    with silent, Listener(api.serving) as listener:
        api.client("alice").put(f"/{folder.name}/a", b"x")
        assert listener.event() == ("document.created", f"/{folder.name}/a")
