"""Answers: framing, keeping the connection, what happens when the application fails."""

from __future__ import annotations

import logging

import pytest

from .serving import HOST, PATIENCE_SECONDS, Application, Client

NEXT = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"


def request(path: bytes, method: bytes = b"GET", version: bytes = b"1.1", more: bytes = b"") -> bytes:
    return method + b" " + path + b" HTTP/" + version + b"\r\n" + HOST + more + b"\r\n"


def test_requests_sent_together_are_answered_in_order(client: Client) -> None:
    client.send(b"".join(request(b"/%d" % number) for number in range(50)))
    assert [client.answer().told["PATH_INFO"] for _ in range(50)] == [f"/{number}" for number in range(50)]


def test_a_closing_request_ends_the_conversation(client: Client, application: Application) -> None:
    client.send(request(b"/a", more=b"Connection: close\r\n") + request(b"/b"))
    assert client.answer().headers["connection"] == "close"
    assert client.at_end()
    assert application.seen == ["/a"]


def test_head_of_every_answer(client: Client) -> None:
    for path in (b"/tell", b"/stream", b"/nothing", b"/refuse"):
        answer = client.send(request(path)).answer()
        assert answer.headers["server"] == "davlock"
        assert answer.headers["date"].endswith(" GMT")
    client.send(b"bad\r\n\r\n")
    assert client.answer().headers["server"] == "davlock"


def test_hop_by_hop_headers_are_the_servers(client: Client) -> None:
    answer = client.send(request(b"/goodbye")).answer()
    assert (answer.headers["connection"], answer.headers["server"], answer.body) == ("close", "davlock", b"bye")
    assert "transfer-encoding" not in answer.headers
    assert client.at_end()


def test_a_list_gets_its_length(client: Client) -> None:
    answer = client.send(request(b"/blocks") + NEXT).answer()
    assert (answer.headers["content-length"], answer.body) == ("20", b"a" * 10 + b"b" * 10)
    assert client.answer().status == 200


def test_a_generator_is_sent_in_chunks_and_closed(client: Client, application: Application) -> None:
    answer = client.send(request(b"/stream") + NEXT).answer()
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.body == b"one " + b"two" * 100_000
    assert client.answer().status == 200
    assert application.closed.get(timeout=PATIENCE_SECONDS) == "stream"


def test_a_generator_for_old_clients_ends_with_the_connection(client: Client) -> None:
    answer = client.send(request(b"/stream", version=b"1.0", more=b"Connection: keep-alive\r\n")).answer()
    assert (answer.headers["connection"], len(answer.body)) == ("close", 300_004)


def test_one_huge_block(client: Client) -> None:
    assert client.send(request(b"/huge") + NEXT).answer().body == bytes(range(256)) * (64 * 1024)
    assert client.answer().status == 200


@pytest.mark.parametrize("path", [b"/tell", b"/stream", b"/huge", b"/blocks", b"/refuse"])
def test_head_has_no_body(path: bytes, client: Client) -> None:
    answer = client.send(request(path, b"HEAD") + NEXT).answer("HEAD")
    assert answer.status in (200, 423)
    assert "transfer-encoding" not in answer.headers
    assert answer.headers.get("content-length") != "0"
    assert client.answer().status == 200


def test_head_does_not_make_the_application_work(client: Client, application: Application) -> None:
    client.send(request(b"/stream", b"HEAD") + NEXT)
    assert (client.answer("HEAD").status, client.answer().status) == (200, 200)
    assert application.closed.get(timeout=PATIENCE_SECONDS) == "stream"
    assert application.outcomes.get(timeout=PATIENCE_SECONDS) == "whole"  # of /next
    assert application.outcomes.empty()


def test_no_content_and_not_modified_have_no_body(client: Client) -> None:
    client.send(request(b"/nothing") + request(b"/unchanged") + NEXT)
    nothing, unchanged, following = client.answer(), client.answer(), client.answer()
    assert (nothing.status, nothing.headers.get("content-length")) == (204, None)
    assert (unchanged.status, unchanged.headers["etag"]) == (304, '"1"')
    assert following.told["PATH_INFO"] == "/next"


def test_an_answer_shorter_than_its_length_ends_the_connection(client: Client) -> None:
    client.send(request(b"/short") + NEXT)
    with pytest.raises(EOFError, match="3 of 10"):
        client.answer()


def test_an_answer_longer_than_its_length_is_cut(client: Client) -> None:
    assert client.send(request(b"/long") + NEXT).answer().body == b"abc"
    assert client.at_end()


def test_failure_before_the_head(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.send(request(b"/fail?secret")).answer()
    assert (answer.status, answer.headers["connection"]) == (500, "close")
    assert b"secret" not in answer.body
    assert client.at_end()
    (record,) = caplog.records
    assert record.name == "davlock.server"
    assert record.levelno == logging.ERROR
    assert "GET /fail from 127.0.0.1: KeyError" in record.getMessage()
    assert "\n" not in record.getMessage()
    assert not record.exc_info


def test_traceback_at_debug_level(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "davlock.server"):
        assert client.send(request(b"/fail")).answer().status == 500
        assert client.at_end()
    assert "in do_fail" in caplog.text


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_failure_after_the_head_looks_like_one(
    version: bytes, client: Client, application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    client.send(request(b"/fail-late", version=version))
    with pytest.raises(ConnectionResetError):
        client.answer()
        client.at_end()
    assert application.closed.get(timeout=PATIENCE_SECONDS) == "fail-late"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_line_ends_in_headers_never_go_out(client: Client) -> None:
    answer = client.send(request(b"/split")).answer()
    assert answer.status == 500
    assert "set-cookie" not in answer.headers


def test_a_client_that_leaves_is_no_error(client: Client, application: Application, caplog: pytest.LogCaptureFixture) -> None:
    client.send(request(b"/huge"))
    client.file.close()
    client.socket.close()
    # Two more connections' worth of requests: by then the first one's failure would be in the log.
    with Client(client.peer) as other:
        assert other.send(request(b"/huge")).answer().status == 200
    assert caplog.records == []
