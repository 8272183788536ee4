from __future__ import annotations

import base64
import logging
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from davlock.auth.accounts import Accounts
from davlock.auth.authenticator import Authenticator
from davlock.auth.identity import Identity
from davlock.auth.tokens import Tokens
from davlock.auth.verified import SIZE, Verified
from tests.auth.conftest import Clock, Door, Reply, basic, tell
from tests.serving import Client, Serving

CHALLENGE = 'Basic realm="davlock", charset="UTF-8"'


def encoded(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


def assert_asked_to_log_in(reply: Reply) -> None:
    assert reply.status == 401
    assert reply.headers.get_all("WWW-Authenticate") == [CHALLENGE]
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.headers["Content-Length"] == str(len(reply.body))
    assert 0 < len(reply.body) < 200


# who is let in


def test_the_application_learns_who_asks(door: Door, accounts: Accounts) -> None:
    accounts.add("Alice", "right")
    accounts.add("root", "right", admin=True)
    alice = {"davlock.principal": "alice", "davlock.admin": False, "REMOTE_USER": "alice"}
    assert door.ask(basic("alice", "right")).seen == alice
    assert door.ask(basic("ALICE", "right")).seen == alice
    assert door.ask(basic("alice", "right").replace("Basic", "bAsIc")).seen == alice
    assert door.ask(basic("root", "right")).seen == {
        "davlock.principal": "root", "davlock.admin": True, "REMOTE_USER": "root",
    }  # fmt: skip


def test_letters_beyond_ascii_arrive_in_utf_8_and_in_latin_1(door: Door, accounts: Accounts) -> None:
    accounts.add("Müller", "Grüße:€")
    accounts.add("Göran", "smörgås")
    assert door.ask(basic("mu\u0308ller", "Gru\u0308ße:€")).seen["davlock.principal"] == "müller"
    assert door.ask(basic("Göran", "smörgås", "latin-1")).seen["davlock.principal"] == "göran"


def test_a_password_may_contain_colons(door: Door, accounts: Accounts) -> None:
    accounts.add("alice", "a:b:")
    assert door.ask(basic("alice", "a:b:")).status == 200
    assert_asked_to_log_in(door.ask(basic("alice", "a")))


def test_the_longest_password_fits(door: Door, accounts: Accounts) -> None:
    accounts.add("alice", "🔑" * 1024)
    assert door.ask(basic("alice", "🔑" * 1024)).status == 200


def test_wrong_passwords_and_unknown_names_get_the_same_answer(door: Door, accounts: Accounts) -> None:
    accounts.add("alice", "right")
    answers = [door.ask(header) for header in (None, basic("alice", "wrong"), basic("nobody", "right"))]
    for answer in answers:
        assert_asked_to_log_in(answer)
    assert len({answer.body for answer in answers}) == 1


@pytest.mark.parametrize(
    "header",
    [
        "", "Basic", "Basic ", "Basic !!!!", "Basic YWxpY2U", "Basic YWxpY2U6cmlnaHQ", "YWxpY2U6cmlnaHQ=",
        "Basic " + "=" * 20, "Basic " + "A" * 9000, b"Basic \xc3\xa4\xc3\xb6", b"\xff\xff",
        "Basic Basic YWxpY2U6cmlnaHQ=", "Basic YWxpY2U6cmlnaHQ= YWxpY2U6cmlnaHQ=",
        "Basic YWxpY2U6cmlnaHQ=, Basic YWxpY2U6cmlnaHQ=",
        "Bearer", "Bearer ", "Bearer abc", "Negotiate", "Negotiate YIIabc==", "NTLM TlRM", 'Digest username="alice"',
        encoded(b""), encoded(b"alice"), encoded(b":right"), encoded(b":"), encoded(b"alice:"),
        encoded(b"\xff\xfe\xfd"), encoded(b"\xff\xfe:\xfd"), encoded(b"x" * 101 + b":right"),
        encoded(b"alice:right\0"), encoded(b"alice\0:right"), encoded(b"ali\nce:right"), encoded(b"alice:ri\x7fght"),
        encoded(b"alice:right" + b"x" * 7000),
    ],
)  # fmt: skip
def test_malformed_credentials_are_asked_for_again(shared_door: Door, header: str | bytes) -> None:
    assert_asked_to_log_in(shared_door.ask(header))
    assert_asked_to_log_in(shared_door.ask(header, "PUT"))


def test_credentials_beyond_8_kib_are_not_looked_at(shared_door: Door) -> None:
    scheme, _, pair = basic("alice", "right").partition(" ")
    assert shared_door.ask(f"{scheme}{' ' * 8000}{pair}").status == 200
    assert_asked_to_log_in(shared_door.ask(f"{scheme}{' ' * 9000}{pair}"))


def test_without_a_server_that_cuts_it_off_the_answer_to_head_has_no_body_either(accounts: Accounts, tokens: Tokens) -> None:
    told: list[tuple[str, dict[str, str]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], object]:
        told.append((status, dict(headers)))
        return bytes

    body = Authenticator(accounts, tokens).protect(tell)({"REQUEST_METHOD": "HEAD", "PATH_INFO": "/"}, start_response)
    assert list(body) == []
    ((status, headers),) = told
    assert status == "401 Unauthorized"
    assert int(headers["Content-Length"]) > 0


def test_the_answer_to_head_has_no_body(shared_door: Door) -> None:
    with socket.create_connection(shared_door.address, timeout=30) as connection:
        connection.sendall(b"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert body == b""


def test_without_a_password_options_and_health_are_answered(door: Door) -> None:
    nobody = {"davlock.principal": "", "davlock.admin": False, "REMOTE_USER": None}
    assert door.ask(method="OPTIONS").seen == nobody
    assert door.ask(method="OPTIONS", path="/a/b").seen == nobody
    assert door.ask(path="/_davlock/health").seen == nobody
    assert_asked_to_log_in(door.ask("Bearer", "OPTIONS"))
    assert_asked_to_log_in(door.ask(basic("alice", "wrong"), "OPTIONS"))
    assert door.ask(path="/_davlock/health?verbose").seen == nobody
    assert_asked_to_log_in(door.ask(path="/_davlock/health", method="PUT"))
    assert_asked_to_log_in(door.ask(path="/%5fdavlock/health"))
    assert_asked_to_log_in(door.ask(path="/_davlock/x%2f..%2fhealth"))
    assert_asked_to_log_in(door.ask(path="/_davlock/health/x"))
    assert_asked_to_log_in(door.ask(path="/_davlock"))
    assert_asked_to_log_in(door.ask(method="PROPFIND"))


def test_options_with_a_password_knows_who_asks(door: Door, accounts: Accounts) -> None:
    accounts.add("alice", "right")
    assert door.ask(basic("alice", "right"), "OPTIONS").seen["davlock.principal"] == "alice"


def test_a_client_cannot_name_itself_in_another_header(door: Door) -> None:
    sent = {"Remote-User": "alice", "X-Remote-User": "alice", "davlock.principal": "alice"}
    assert_asked_to_log_in(door.ask(**sent))
    assert door.ask(method="OPTIONS", **sent).seen["davlock.principal"] == ""


def test_a_state_that_cannot_answer_is_not_a_wrong_password(door: Door, accounts: Accounts, tmp_path: Path) -> None:
    for file in tmp_path.glob("state.db*"):
        file.unlink()
    (tmp_path / "state.db").write_bytes(b"not a database" * 1000)
    reply = door.ask(basic("alice", "right"))
    assert reply.status == 503
    assert reply.headers["Retry-After"]
    assert "Try again" in reply.body.decode()


# the minute


def test_a_changed_password_takes_effect_within_a_minute(door: Door, accounts: Accounts, clock: Clock) -> None:
    accounts.add("alice", "old")
    assert door.ask(basic("alice", "old")).status == 200
    accounts.set_password("alice", "new")
    assert door.ask(basic("alice", "new")).status == 200
    for _ in range(6):  # being used does not prolong it
        assert door.ask(basic("alice", "old")).status == 200
        clock.now += 9.9
    clock.now += 0.7
    assert_asked_to_log_in(door.ask(basic("alice", "old")))
    assert door.ask(basic("alice", "new")).status == 200


def test_a_removed_user_is_out_within_a_minute(door: Door, accounts: Accounts, clock: Clock) -> None:
    accounts.add("alice", "right")
    assert door.ask(basic("alice", "right")).status == 200
    accounts.remove("alice")
    clock.now += 59
    assert door.ask(basic("alice", "right")).status == 200
    clock.now += 1
    assert_asked_to_log_in(door.ask(basic("alice", "right")))


def test_a_right_password_for_one_name_is_not_right_for_another(door: Door, accounts: Accounts) -> None:
    accounts.add("alice", "right")
    accounts.add("bob", "other")
    assert door.ask(basic("alice", "right")).status == 200
    assert_asked_to_log_in(door.ask(basic("bob", "right")))
    assert_asked_to_log_in(door.ask(basic("alice", "other")))


def test_only_the_newest_headers_are_remembered(clock: Clock) -> None:
    verified = Verified(clock)
    for number in range(SIZE + 10):
        verified.remember(f"header {number}", Identity(f"user{number}"))
    assert sum(verified.was_right(f"header {number}") for number in range(SIZE + 10)) == SIZE
    assert verified.fresh("header 9") is None
    assert verified.fresh("header 10") == Identity("user10")


# guessing


def guess(door: Door, times: int, name: str = "alice", peer: str = "127.0.0.1") -> list[int]:
    return [door.ask(basic(name, f"guess {number}"), peer=peer).status for number in range(times)]


def test_after_five_wrong_passwords_one_has_to_wait(door: Door, accounts: Accounts, clock: Clock) -> None:
    accounts.add("alice", "right")
    assert guess(door, 5) == [401] * 5
    reply = door.ask(basic("alice", "right"))
    assert reply.status == 429
    assert reply.headers["Retry-After"] == "2"
    assert "2 s" in reply.body.decode()
    assert "WWW-Authenticate" not in reply.headers
    clock.now += 2
    assert door.ask(basic("alice", "right")).status == 200
    assert guess(door, 6) == [401] * 5 + [429]  # it counts from the beginning again


def test_how_many_are_free_can_be_configured(tmp_path: Path) -> None:
    configuration = tmp_path / "davlock.yaml"
    configuration.write_text("auth: {free_failures: 7}\n")
    with Serving(tmp_path / "root", "--workers", "1", "--config", str(configuration), users=("alice",)) as serving:
        wrong = [basic("alice", f"guess {number}") for number in range(8)]
        assert [Client(serving).request("GET", "/", Authorization=each).status for each in wrong] == [401] * 7 + [429]
        tokens = [f"Bearer davlock_{number:043}" for number in range(8)]
        assert [Client(serving).request("GET", "/", Authorization=each).status for each in tokens] == [401] * 7 + [429]


def test_the_wait_doubles_up_to_a_minute(door: Door, clock: Clock) -> None:
    guess(door, 5)
    waits = []
    for _ in range(8):
        seconds = int(door.ask(basic("alice", "guess")).headers["Retry-After"])
        waits.append(seconds)
        clock.now += seconds - 1
        assert guess(door, 1) == [429]  # asking too early is neither allowed nor punished
        clock.now += 1
        assert guess(door, 1) == [401]
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]


def test_another_spelling_of_the_name_is_the_same_guesser(door: Door) -> None:
    names = ["alice", "ALICE", "Alice", " alice", "ａlice", "aLICE"]
    assert [door.ask(basic(name, "guess")).status for name in names] == [401] * 5 + [429]


def test_guesses_shut_out_neither_other_addresses_nor_other_names(door: Door, accounts: Accounts) -> None:
    accounts.add("alice", "right")
    accounts.add("bob", "right")
    assert guess(door, 6)[-1] == 429
    assert door.ask(basic("alice", "right"), peer="127.0.0.2").status == 200
    assert door.ask(basic("bob", "right")).status == 200


def test_guesses_from_the_same_address_do_not_shut_out_who_is_in(door: Door, accounts: Accounts, clock: Clock) -> None:
    accounts.add("alice", "right")
    assert door.ask(basic("alice", "right")).status == 200
    assert guess(door, 6)[-1] == 429
    assert door.ask(basic("alice", "right")).status == 200
    clock.now += 61
    assert guess(door, 7)[-1] == 429
    assert door.ask(basic("alice", "right")).status == 200  # although it has to be checked again


def test_a_password_that_was_right_once_is_no_way_around_the_wait(door: Door, accounts: Accounts, clock: Clock) -> None:
    accounts.add("alice", "old")
    assert door.ask(basic("alice", "old")).status == 200
    accounts.set_password("alice", "new")
    clock.now += 60
    assert [door.ask(basic("alice", "old")).status for _ in range(6)] == [401] * 5 + [429]


def test_parallel_guesses_are_all_counted(door: Door, accounts: Accounts) -> None:
    accounts.add("alice", "right")
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda number: door.ask(basic("alice", f"guess {number}")).status, range(20)))
    assert sorted(statuses) == [401] * 5 + [429] * 15


def test_parallel_first_requests_are_all_let_in(door: Door, accounts: Accounts) -> None:
    accounts.add("alice", "right")
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda _: door.ask(basic("alice", "right")).status, range(20)))
    assert statuses == [200] * 20


# other sites


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "Cross-Site", "Origin": "http://docs.example:8080"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://docs.example"},
        {"Origin": "http://docs.example:8081"},
        {"Origin": "http://docs.example:8080.evil.example"},
        {"Origin": "http://docs.example:8080@evil.example"},
        {"Origin": "http://evil.example/docs.example:8080"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "docs.example:8080"},
        {"Origin": "file://docs.example:8080"},
        {"Origin": "http://[::1"},
    ],
)
def test_a_page_of_another_site_changes_nothing(shared_door: Door, headers: dict[str, str]) -> None:
    for method in ("PUT", "POST", "DELETE", "MOVE", "COPY", "MKCOL", "PROPPATCH", "LOCK", "UNLOCK", "NEW"):
        reply = shared_door.ask(basic("alice", "right"), method, Host="docs.example:8080", **headers)
        assert (method, reply.status) == (method, 403)
        assert "another site" in reply.body.decode()
        assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("docs.example:8080", {}),
        ("docs.example:8080", {"Origin": "http://docs.example:8080", "Sec-Fetch-Site": "same-origin"}),
        ("DOCS.example:8080", {"Origin": "http://docs.EXAMPLE:8080"}),
        ("docs.example", {"Origin": "https://docs.example"}),
        ("docs.example:443", {"Origin": "https://docs.example"}),
        ("[::1]:8080", {"Origin": "http://[::1]:8080"}),
        ("docs.example", {"Sec-Fetch-Site": "none"}),
    ],
)
def test_our_own_pages_and_programs_may_change_things(shared_door: Door, host: str, headers: dict[str, str]) -> None:
    assert shared_door.ask(basic("alice", "right"), "PUT", Host=host, **headers).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"])
def test_a_link_on_another_site_may_be_followed(shared_door: Door, method: str) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://other.example"}
    assert shared_door.ask(basic("alice", "right"), method, **headers).status == 200


# the log


def test_a_failure_is_logged_in_one_line_without_the_password(door: Door, accounts: Accounts, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    accounts.add("alice", "s3cret-right")
    door.ask(basic("alice", "s3cret-right"))
    door.ask(basic("Alice'", "s3cret-wrong"))
    door.ask(encoded(b"ali\r\nce\x1b[31m:s3cret"))
    door.ask(method="PUT", Origin="https://evil.example/\x85\x9b31m")
    records = [record for record in caplog.records if record.name == "davlock.auth"]
    assert [record.levelname for record in records] == ["WARNING", "WARNING"]
    assert "alice'" in records[0].getMessage()
    assert "127.0.0.1" in records[0].getMessage()
    assert "evil.example" in records[1].getMessage()
    for record in records:
        assert record.getMessage().isprintable()
    assert "s3cret" not in caplog.text
    assert base64.b64encode(b"alice:s3cret-right").decode() not in caplog.text
