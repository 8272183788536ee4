"""Webhooks: registered over the API in both flavours, and told of events over real sockets, at least once, whatever happens meanwhile."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.server
import json
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.rest.conftest import Api, Stored
from tests.serving import Serving

SECONDS = 20.0  # to wait for what must come


@dataclass(frozen=True)
class Call:
    """A request that a receiver has got."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def event(self) -> str:
        return self.headers["x-superoffice-event"]


@dataclass
class Receiver:
    """A server that is told of events. answer: the status for a call; it may wait."""

    answer: Callable[[Call], int] = lambda call: 200
    calls: queue.Queue[Call] = field(default_factory=queue.Queue)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
                status = receiver.answer(call)
                receiver.calls.put(call)
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    def next(self) -> Call:
        """The next call but for tests."""
        while True:
            call = self.calls.get(timeout=SECONDS)
            if "x-hook-test" not in call.headers:
                return call

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


def configured(folder: Path, text: str, *arguments: str) -> Serving:
    config = folder / "davlock.yaml"
    config.write_text(text)
    return Serving(folder / "root", "--config", str(config), *arguments, users=("alice", "bob", "root"), admins=("root",))


@pytest.fixture(scope="module")
def hooking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    text = 'webhooks:\n  enabled: true\n  require_https: false\n  allow: ["127.0.0.1"]\n  most_errors: 2\n'
    with configured(tmp_path_factory.mktemp("hooks"), text, "--workers", "2") as serving:
        yield Api(serving)


def wanted(receiver: Receiver, *events: str, **more: Any) -> dict[str, Any]:
    names = [f"document.{name}" for name in events or ("created", "changed", "edited", "deleted")]
    return {"Name": "mine", "Events": names, "TargetUrl": receiver.url, "State": "Active", "Type": "webhook"} | more


@pytest.fixture
def registered(hooking: Api) -> Iterator[Callable[..., dict[str, Any]]]:
    """Registers webhooks, and removes them after the test."""
    ids = []

    def register(*args: Any, **more: Any) -> dict[str, Any]:
        told: dict[str, Any] = hooking("root", "POST", "/Webhook", wanted(*args, **more))
        ids.append(told["WebhookId"])
        return told

    yield register
    for id in ids:
        assert hooking.ask("root", "DELETE", f"/Webhook/{id}").status in (204, 404)


def state(api: Api, hook: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = api("root", "GET", f"/Webhook/{hook['WebhookId']}")
    return told


def test_a_webhook_is_registered_and_shown(hooking: Api, receiver: Receiver, registered: Callable[..., dict[str, Any]]) -> None:
    hook = registered(receiver, Secret="hush", Headers={"X-Mine": "1"}, Properties={"a": "b"}, Description="for tests")
    assert hook["WebhookId"] > 0
    assert (hook["Name"], hook["TargetUrl"], hook["State"], hook["Type"]) == ("mine", receiver.url, "Active", "webhook")
    assert (hook["Headers"], hook["Properties"], hook["Description"]) == ({"X-Mine": "1"}, {"a": "b"}, "for tests")
    assert hook["RegisteredAssociate"]["Name"] == "root"
    assert hook["Secret"] is None
    assert state(hooking, hook) == hook
    assert hook in hooking("root", "GET", "/Webhook")
    assert hook in hooking("root", "GET", "/Webhook?nameFilter=MIN&eventFilter=document.edited&statusFilter=active")
    for other in ("nameFilter=other", "eventFilter=document.forced", "statusFilter=Stopped"):
        assert hook not in hooking("root", "GET", f"/Webhook?{other}")
    test = receiver.calls.get(timeout=SECONDS)
    assert (test.event, test.headers["x-hook-test"], test.headers["x-mine"]) == ("test", "true", "1")
    assert list(test.told) == [
        *("EventId", "Timestamp", "Changes", "Event", "PrimaryKey", "Entity", "ContextIdentifier", "ChangedByAssociateId", "WebhookName")
    ]
    assert (test.told["Event"], test.told["Entity"], test.told["WebhookName"]) == ("test", "test", "mine")


def test_what_is_told(hooking: Api, receiver: Receiver, registered: Callable[..., dict[str, Any]], document: Stored) -> None:
    registered(receiver, "edited", "deleted", "checkedout", Secret="häsh", Headers={"X-Mine": "1"})
    alice = hooking.client("alice")
    alice.put(document.path, b"two")
    call = receiver.next()
    assert list(call.told) == [
        *("EventId", "Timestamp", "Changes", "Event", "PrimaryKey", "Entity", "ContextIdentifier", "ChangedByAssociateId", "WebhookName"),
        *("FieldValues", "Path", "ChangedBy", "Door", "Version"),
    ]
    told = call.told
    assert (told["Event"], told["PrimaryKey"], told["Entity"], told["Path"]) == ("document.edited", document.id, "document", document.path)
    assert (told["ChangedBy"], told["Door"], told["ContextIdentifier"], told["Version"]) == ("alice", "webdav", "Default", 2)
    assert told["FieldValues"]["document_id"] == document.id
    assert told["FieldValues"]["name"] == "report.docx"
    assert told["FieldValues"]["updated_associate_id"] == told["ChangedByAssociateId"] > 0
    assert call.headers["x-superoffice-eventid"] == told["EventId"]
    assert call.headers["x-superoffice-retry"] == "0"
    assert (call.headers["content-type"], call.headers["x-mine"]) == ("application/json; charset=utf-8", "1")
    signature = base64.b64encode(hmac.new("häsh".encode(), call.body, hashlib.sha256).digest()).decode()
    assert call.headers["x-superoffice-signature"] == signature
    hooking("alice", "POST", f"/Document/{document.id}/Lock")
    told = receiver.next().told
    assert (told["Event"], told["Kind"], told["Holder"]) == ("document.checkedout", "CHECKOUT", "alice")
    alice.request("DELETE", document.path)
    told = receiver.next().told
    assert (told["Event"], told["Values"]) == ("document.deleted", {"document_id": document.id})
    assert "FieldValues" not in told


def test_without_a_secret_there_is_no_signature(
    hooking: Api, receiver: Receiver, registered: Callable[..., dict[str, Any]], document: Stored
) -> None:
    registered(receiver)
    hooking.client("alice").put(document.path, b"two")
    assert "x-superoffice-signature" not in receiver.next().headers


def test_a_secret_stays_until_it_is_changed(
    hooking: Api, receiver: Receiver, registered: Callable[..., dict[str, Any]], document: Stored
) -> None:
    hook = registered(receiver, Secret="hush")
    read = state(hooking, hook)  # with Secret null, as a client sends it back
    hooking("root", "PUT", f"/Webhook/{hook['WebhookId']}", read | {"Name": "renamed"})
    hooking.client("alice").put(document.path, b"two")
    call = receiver.next()
    assert call.told["WebhookName"] == "renamed"
    assert call.headers["x-superoffice-signature"] == base64.b64encode(hmac.digest(b"hush", call.body, "sha256")).decode()
    assert "hush" not in hooking.serving.log()


def test_in_their_order_each_once(hooking: Api, receiver: Receiver, registered: Callable[..., dict[str, Any]], folder: Path) -> None:
    registered(receiver)
    for number in range(20):
        hooking.client("alice").put(f"/{folder.name}/{number}", b"x")
    calls = [receiver.next() for _ in range(20)]
    assert [call.told["Path"] for call in calls] == [f"/{folder.name}/{number}" for number in range(20)]
    assert len({call.told["EventId"] for call in calls}) == 20
    assert receiver.calls.empty()


def test_what_fails_is_tried_again_and_nothing_is_lost(
    hooking: Api, receiver: Receiver, registered: Callable[..., dict[str, Any]], folder: Path
) -> None:
    hook = registered(receiver)
    answers = iter([500, 200, 200])
    receiver.answer = lambda call: next(answers)
    for name in ("a", "b"):
        hooking.client("alice").put(f"/{folder.name}/{name}", b"x")
    first, again, second = (receiver.next() for _ in range(3))
    assert [call.told["Path"].rpartition("/")[2] for call in (first, again, second)] == ["a", "a", "b"]
    assert again.body == first.body  # with the same EventId, by which it can be told apart
    assert [call.headers["x-superoffice-retry"] for call in (first, again, second)] == ["0", "1", "0"]
    shown = settled(hooking, hook, 3)
    assert (shown["State"], shown["TotalCalls"], shown["TotalErrors"], shown["ConsecutiveErrors"]) == ("Active", 3, 1, 0)
    assert "500" in shown["LastError"]
    assert "500" in hooking("root", "GET", f"/Webhook/{hook['WebhookId']}/LastError")


def settled(api: Api, hook: dict[str, Any], calls: int) -> dict[str, Any]:
    """A webhook, once so many calls are noted."""
    for _ in range(200):
        shown = state(api, hook)
        if shown["TotalCalls"] >= calls:
            return shown
        threading.Event().wait(0.05)
    pytest.fail(f"{calls} calls are not noted: {shown}")


def test_after_too_many_errors_it_waits_to_be_started_again(
    hooking: Api, receiver: Receiver, registered: Callable[..., dict[str, Any]], folder: Path
) -> None:
    hook = registered(receiver)
    receiver.answer = lambda call: 302  # followed by nobody
    hooking.client("alice").put(f"/{folder.name}/a", b"x")
    for _ in range(2):
        assert receiver.next().path == "/hook"
    shown = settled(hooking, hook, 2)
    assert (shown["State"], shown["ConsecutiveErrors"]) == ("TooManyErrors", 2)
    hooking.client("alice").put(f"/{folder.name}/b", b"x")
    receiver.answer = lambda call: 204
    # what a client has read and sends back does not start it
    assert hooking("root", "PUT", f"/Webhook/{hook['WebhookId']}", shown)["State"] == "TooManyErrors"
    assert hooking("root", "PUT", f"/Webhook/{hook['WebhookId']}", shown | {"State": "Active"})["ConsecutiveErrors"] == 0
    assert [receiver.next().told["Path"].rpartition("/")[2] for _ in "ab"] == ["a", "b"]


def test_a_stopped_one_goes_on_where_it_was(
    hooking: Api, receiver: Receiver, registered: Callable[..., dict[str, Any]], folder: Path
) -> None:
    hook = registered(receiver, State="Stopped")
    other = Receiver()
    registered(other)
    hooking.client("alice").put(f"/{folder.name}/a", b"x")
    other.next()
    other.close()
    assert receiver.calls.qsize() == 1  # the test
    hooking("root", "PUT", f"/Webhook/{hook['WebhookId']}", hook | {"State": "Active"})
    assert receiver.next().told["Path"] == f"/{folder.name}/a"


def test_one_that_hangs_holds_up_neither_requests_nor_others(
    hooking: Api, receiver: Receiver, registered: Callable[..., dict[str, Any]], folder: Path
) -> None:
    hanging, released = Receiver(), threading.Event()
    hook = registered(hanging)
    registered(receiver)
    hanging.answer = lambda call: 200 if released.wait(SECONDS) else 500
    try:
        for number in range(5):
            assert hooking.client("alice").put(f"/{folder.name}/{number}", b"x").status == 201
        assert [receiver.next().told["Path"] for _ in range(5)] == [f"/{folder.name}/{number}" for number in range(5)]
        # only its test is over: it was hanging all the time
        assert (hanging.calls.qsize(), state(hooking, hook)["TotalErrors"]) == (1, 0)
    finally:
        released.set()
    assert hanging.next().told["Path"] == f"/{folder.name}/0"
    hanging.close()


def test_what_happened_while_nobody_was_there_is_told_later(tmp_path: Path, receiver: Receiver) -> None:
    text = "webhooks:\n  enabled: true\n  require_https: false\n  allow: [127.0.0.0/8]\n"
    with configured(tmp_path, text) as serving:
        api = Api(serving)
        api("root", "POST", "/Webhook", wanted(receiver))
        refuse, entered = threading.Event(), threading.Event()
        refuse.set()

        def answer(call: Call) -> int:
            entered.set()
            return 503 if refuse.is_set() else 200

        receiver.answer = answer
        api.client("alice").put("/a", b"x")
        assert entered.wait(SECONDS)
        api.client("alice").put("/b", b"x")
        serving.kill()
        refuse.clear()
        serving.start()
        api.client("alice").put("/c", b"x")
        told: list[str] = []
        ids: dict[str, str] = {}
        while "/c" not in told:
            found = receiver.next().told
            told.append(found["Path"])
            assert ids.setdefault(found["Path"], found["EventId"]) == found["EventId"]
        assert list(dict.fromkeys(told)) == ["/a", "/b", "/c"]


def test_a_target_that_does_not_answer_is_not_registered(hooking: Api, receiver: Receiver) -> None:
    before = hooking("root", "GET", "/Webhook")
    receiver.answer = lambda call: 404
    told = hooking.refused(409, "root", "POST", "/Webhook", wanted(receiver))
    assert "404" in told["ErrorMessage"]
    receiver.close()
    hooking.refused(409, "root", "POST", "/Webhook", wanted(receiver))
    result = hooking("root", "POST", "/Webhook/Test", wanted(receiver))
    assert list(result) == ["Success", "Message", "TableRight", "FieldProperties"]
    assert (result["Success"], bool(result["Message"])) == (False, True)
    assert hooking("root", "GET", "/Webhook") == before


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://192.168.1.1/hook",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://[64:ff9b::a00:1]/",
        "http://[2002:a00:1::]/",
        "http://0.0.0.0/",
        "http://0x0a.1/",
        "http://167772161/",
        "http://224.0.0.1/",
        "http://100.64.0.1/",
    ],
)
def test_what_only_this_machine_can_reach_is_refused(hooking: Api, url: str) -> None:
    told = hooking.refused(403, "root", "POST", "/Webhook", {"Name": "x", "Events": ["document.created"], "TargetUrl": url})
    assert "webhooks.allow" in told["ErrorMessage"]


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.com/", "http://user:pass@127.0.0.1/", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nX: 1", "http://127.0.0.1:0/"]
    + [
        "http://127.0.0.1:65536/",
        "http://127.0.0.1/#x",
        "http:///x",
        "//127.0.0.1/",
        "http://127.0.0.1/" + "x" * 2000,
        "http://ö.example/",
    ],
)
def test_what_is_no_url(hooking: Api, url: str) -> None:
    hooking.refused(400, "root", "POST", "/Webhook", {"Name": "x", "Events": ["document.created"], "TargetUrl": url})


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"Events": []}, 400),
        ({"Events": ["contact.created"]}, 400),
        ({"Events": None}, 400),
        ({"Headers": {"a b": "x"}}, 400),
        ({"Headers": {"X": "a\r\nHost: b"}}, 400),
        ({"Headers": {"Host": "example.com"}}, 403),
        ({"Headers": {"content-length": "0"}}, 403),
        ({"Headers": {"X-SuperOffice-Signature": "x"}}, 403),
        ({"State": "Sleeping"}, 400),
        ({"Type": "mail"}, 400),
        ({"WebhookId": -1}, 400),
        ({"Name": 5}, 400),
    ],
)
def test_bad_wishes(hooking: Api, receiver: Receiver, more: dict[str, Any], status: int) -> None:
    hooking.refused(status, "root", "POST", "/Webhook", wanted(receiver) | more)


def test_only_administrators(hooking: Api, receiver: Receiver, registered: Callable[..., dict[str, Any]]) -> None:
    id = registered(receiver)["WebhookId"]
    for method, path, body in (
        ("GET", "/Webhook", None),
        ("GET", f"/Webhook/{id}", None),
        ("POST", "/Webhook", wanted(receiver)),
        ("POST", "/Webhook/Test", wanted(receiver)),
        ("PUT", f"/Webhook/{id}", wanted(receiver)),
        ("DELETE", f"/Webhook/{id}", None),
        ("POST", "/Agents/Webhook/SaveWebhook", wanted(receiver)),
    ):
        hooking.refused(403, "alice", method, path, body)
    assert receiver.calls.qsize() == 1


def test_what_is_not_there(hooking: Api, receiver: Receiver) -> None:
    for id in ("0", "99999", "x", "2147483648"):
        hooking.refused(404, "root", "GET", f"/Webhook/{id}")
        hooking.refused(404, "root", "PUT", f"/Webhook/{id}", wanted(receiver))
        hooking.refused(404, "root", "DELETE", f"/Webhook/{id}")
        hooking.refused(404, "root", "GET", f"/Webhook/{id}/LastError")
    assert hooking("root", "POST", "/Agents/Webhook/GetWebhook?webhookId=99999") is None


def test_the_agents(hooking: Api, receiver: Receiver) -> None:
    """As the vendor's client calls them: camelCase bodies, and null for none."""
    default = hooking("root", "POST", "/Agents/Webhook/CreateDefaultWebhook", b"null", Content_Type="application/json")
    assert default == hooking("root", "GET", "/Webhook/default")
    assert (default["WebhookId"], default["State"], default["Type"]) == (0, "Active", "webhook")
    sent = {"webhookId": 0, "name": "n", "events": ["document.created"], "targetUrl": receiver.url, "type": "webhook", "state": "Active"}
    hook = hooking("root", "POST", "/Agents/Webhook/SaveWebhook", sent)
    id = hook["WebhookId"]
    assert hooking("root", "POST", f"/Agents/Webhook/GetWebhook?webhookId={id}", b"null", Content_Type="application/json") == hook
    changed = hooking("root", "POST", "/Agents/Webhook/SaveWebhook", sent | {"webhookId": id, "name": "m"})
    assert (changed["WebhookId"], changed["Name"]) == (id, "m")
    filters = {"nameFilter": "", "eventFilter": None, "statusFilter": None}
    assert id in [each["WebhookId"] for each in hooking("root", "POST", "/Agents/Webhook/GetAllWebhooks", filters)]
    assert hooking("root", "POST", "/Agents/Webhook/TestWebhook", {"webhook": sent | {"webhookId": id}})["Success"] is True
    assert hooking("root", "POST", "/Agents/Webhook/GetLastError", {"webhookId": id}) == ""
    assert (
        hooking.ask("root", "POST", f"/Agents/Webhook/DeleteWebhook?WebhookId={id}", b"null", Content_Type="application/json").status == 204
    )
    assert hooking("root", "POST", f"/Agents/Webhook/GetWebhook?webhookId={id}") is None


def test_by_default_there_are_none(api: Api, receiver: Receiver) -> None:
    for method, path, body in (("GET", "/Webhook", None), ("POST", "/Webhook", wanted(receiver))):
        assert "webhooks.enabled" in api.refused(403, "root", method, path, body)["ErrorMessage"]
    assert receiver.calls.empty()


@pytest.fixture
def folder(hooking: Api, request: pytest.FixtureRequest) -> Path:
    """A folder of its own for a test."""
    folder = hooking.serving.root / f"folder-{abs(hash(request.node.name))}"
    folder.mkdir()
    return folder


@pytest.fixture
def document(hooking: Api, folder: Path) -> Stored:
    (folder / "report.docx").write_bytes(b"one")
    path = f"/{folder.name}/report.docx"
    return Stored(path, hooking("alice", "GET", f"/Document?path={path}")["value"][0]["documentId"])
