"""Nobody waits for clients that are slow, and these are waited for only so long."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from davlock.server.limits import Limits

from .serving import HOST, PATIENCE_SECONDS, Application, Client, serving

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

GET = b"GET /next HTTP/1.1\r\n" + HOST + b"\r\n"
HUGE = b"GET /huge HTTP/1.1\r\n" + HOST + b"\r\n"
PUT = b"PUT /tell HTTP/1.1\r\n" + HOST
EXPECTING = PUT + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n"
SLOW = {
    "nothing": b"",
    "half a head": GET[:-10],
    "a small body": PUT + b"Content-Length: 100\r\n\r\nhello",
    "a large body": PUT + b"Content-Length: 1000000\r\n\r\n" + b"x" * 70_000,
    "a body in chunks": PUT + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    "a large body in chunks": PUT + b"Transfer-Encoding: chunked\r\n\r\n20000\r\n" + b"x" * 70_000,
    "a body that is asked for": EXPECTING,
    "an answer that is not read": HUGE,
}


@contextlib.contextmanager
def many(address: tuple[str, int], count: int, sent: bytes = b"", source: str = "127.0.0.2") -> Iterator[list[Client]]:
    """Connections that all have sent this."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(address, source)) for _ in range(count)]
        for client in clients:
            client.send(sent)
        yield clients


@pytest.mark.parametrize("slow", SLOW)
def test_others_are_served_meanwhile(slow: str) -> None:
    application = Application()
    with serving(application, drain_seconds=0, threads=1) as address, many(address, 20, SLOW[slow]):
        for _ in range(3):
            with Client(address) as client:
                assert client.send(GET).answer().status == 200
        with Client(address) as client:
            body = b"x" * 500_000
            assert client.send(PUT + b"Content-Length: 500000\r\n\r\n" + body).answer().told["length"] == len(body)


def test_a_request_that_came_slowly_is_answered() -> None:
    with serving(Application(), threads=1) as address, Client(address) as client:
        for request in (PUT + b"Content-Length: 5\r\n\r\nhello", PUT + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"):
            for byte in request:
                client.send(bytes([byte]))
            assert client.answer().told["length"] == 5


@pytest.mark.parametrize("sent", [GET[:-1], PUT + b"Content-Length: 100\r\n\r\nhello"], ids=["head", "body"])
def test_what_drips_is_given_up(sent: bytes) -> None:
    """The time is absolute: a byte now and then does not prolong it, beyond what it adds at the least rate."""
    application = Application()
    with serving(application, limits=Limits(head_seconds=0.4, body_seconds=0.4)) as address, Client(address) as client:
        client.socket.settimeout(0.02)
        client.send(sent[:-1])
        answer = b""
        while not answer:
            with contextlib.suppress(TimeoutError):
                answer = client.socket.recv(1000)
                break
            with contextlib.suppress(ConnectionError):
                client.send(b"x")
        assert answer.startswith(b"HTTP/1.1 408 ") and b"\r\nConnection: close\r\n" in answer
        assert application.seen == []


def test_a_body_that_stops_in_the_middle_is_broken() -> None:
    application = Application()
    with serving(application, limits=Limits(body_seconds=0.3)) as address, Client(address) as client:
        assert client.send(EXPECTING).answer().status == 100
        client.send(b"hello")
        assert application.outcomes.get(timeout=PATIENCE_SECONDS) == "ConnectionError"
        assert client.answer().status == 400
        assert client.at_end()


def test_time_that_the_application_takes_is_not_the_clients() -> None:
    """It reads much later than the body may take."""
    gate = threading.Event()

    class Late(Application):
        def do_late(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            assert gate.wait(PATIENCE_SECONDS)
            return self.do_tell(environ, start_response)

    application = Late()
    with serving(application, limits=Limits(body_seconds=0.3, head_seconds=0.3)) as address, Client(address) as client:
        client.send(EXPECTING.replace(b"/tell", b"/late"))
        with Client(address) as other:
            assert other.send(b"G").answer().status == 408  # so long ago is it now
        gate.set()
        assert client.answer().status == 100
        assert client.send(b"x" * 100).answer().told["length"] == 100


def test_who_does_not_read_is_cut_off() -> None:
    limits = Limits(answer_seconds=0.3)
    with serving(Application(), limits=limits) as address, many(address, 3, HUGE) as clients, Client(address) as other:
        while not all(has_hung_up(client) for client in clients):
            assert other.send(GET).answer().status == 200
        for client in clients:
            with pytest.raises((EOFError, ConnectionError)):
                client.answer()


def has_hung_up(client: Client) -> bool:
    """Whether the server has closed: TCP_INFO's first byte is the state, 1 as long as both sides are open."""
    return client.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 1


def test_who_reads_slowly_is_not_cut_off() -> None:
    """The kernel says that there is room only when much of its buffer is free again, which takes longer than the patience."""
    with serving(Application(), limits=Limits(answer_seconds=0.6)) as address, Client(address) as client, Client(address) as clock:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(HUGE)
        clock.socket.settimeout(0.05)
        for _ in range(40):
            with pytest.raises(TimeoutError):
                clock.socket.recv(1)
            assert client.socket.recv(20_000)
        assert not has_hung_up(client)


def test_idle_connections_are_closed() -> None:
    with serving(Application(), limits=Limits(idle_seconds=0.3)) as address, Client(address) as silent, Client(address) as client:
        assert client.send(GET).answer().status == 200
        assert client.at_end()
        assert silent.at_end()


def test_when_every_thread_waits_the_slowest_of_the_greediest_makes_room() -> None:
    application = Application()
    with serving(application, drain_seconds=0, threads=2, limits=Limits(threads=4)) as address:
        with many(address, 10, EXPECTING), Client(address) as client:
            assert client.send(EXPECTING).answer().status == 100
            assert client.send(b"x" * 100).answer().told["length"] == 100
            with Client(address, "127.0.0.3") as other:
                assert other.send(GET).answer().status == 200
        assert "ConnectionError" in {application.outcomes.get(timeout=PATIENCE_SECONDS) for _ in range(3)}


def test_peers_take_turns() -> None:
    entered: queue.SimpleQueue[str] = queue.SimpleQueue()
    gate = threading.Semaphore(0)

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        entered.put(environ["REMOTE_ADDR"])
        assert gate.acquire(timeout=PATIENCE_SECONDS)
        start_response("200 OK", [])
        return [b"ok"]

    with serving(application, threads=1, limits=Limits(connections=12)) as address, many(address, 1, GET):
        assert entered.get(timeout=PATIENCE_SECONDS) == "127.0.0.2"
        with many(address, 10, GET), many(address, 1, GET, "127.0.0.3"):
            for _ in range(2):  # when the loop has refused these, it has heard all the others
                with Client(address) as too_many:
                    assert too_many.answer().status == 503
            for _ in range(12):
                gate.release()
            order = [entered.get(timeout=PATIENCE_SECONDS) for _ in range(11)]
    assert "127.0.0.3" in order[:3]


# too many


def test_too_many_of_one_peer_are_refused_and_no_others() -> None:
    limits = Limits(connections_per_peer=3)
    with serving(Application(), limits=limits, is_exempt=lambda address: address == "127.0.0.4") as address:
        with many(address, 3) as mine, Client(address, "127.0.0.2") as one_more, Client(address) as other:
            refused = one_more.send(b"").answer()
            assert (refused.status, refused.headers["retry-after"], refused.headers["connection"]) == (503, "10", "close")
            assert one_more.at_end()
            assert other.send(GET).answer().status == 200
            mine[0].__exit__(None, None, None)
            assert is_served(address, "127.0.0.2")
            assert mine[1].send(GET).answer().status == 200
        with many(address, 10, GET, "127.0.0.4") as exempt:
            assert {client.answer().status for client in exempt} == {200}


def test_too_many_in_total_are_refused() -> None:
    with serving(Application(), limits=Limits(connections=5)) as address:
        with many(address, 5, GET) as mine:
            assert {client.answer().status for client in mine} == {200}
            with many(address, 100, GET, "127.0.0.3") as others:
                statuses = set()
                for client in others:
                    with contextlib.suppress(ConnectionError, AssertionError):
                        statuses.add(client.answer().status)
                assert statuses == {503}
            assert {client.send(GET).answer().status for client in mine} == {200}
        assert is_served(address, "127.0.0.3")


def is_served(address: tuple[str, int], source: str) -> bool:
    """Now, or as soon as the server has noticed who has left."""
    for _ in range(1000):
        with Client(address, source) as client, contextlib.suppress(ConnectionError):
            if client.send(GET).answer().status == 200:
                return True
    return False


def test_half_requests_do_not_fill_the_memory() -> None:
    half = PUT + b"Content-Length: 60000\r\n\r\n" + b"x" * 50_000
    limits = Limits(buffered_bytes=300_000)
    with serving(Application(), limits=limits) as address, many(address, 10, half) as clients, Client(address) as client:
        assert clients[-1].answer().status == 503
        assert client.send(GET).answer().status == 200
        assert clients[0].send(b"x" * 10_000).answer().told["length"] == 60_000


# stopping


def test_who_has_begun_to_ask_is_answered_when_the_server_stops() -> None:
    """Also if what has come is not yet with a thread; who has not begun is let go at once."""
    application = Application()
    with contextlib.ExitStack() as stack:
        with serving(application) as address:
            idle, head, body = (stack.enter_context(Client(address)) for _ in range(3))
            assert idle.send(GET).answer().status == 200
            head.send(GET[:20])
            body.send(PUT + b"Content-Length: 10\r\n\r\n01234")
            finish = threading.Thread(target=lambda: (idle.at_end(), head.send(GET[20:]), body.send(b"56789")))
            finish.start()  # goes on when the idle one has been closed
        finish.join()
        assert (head.answer().headers["connection"], body.answer().told["length"]) == ("close", 10)


def test_who_does_not_go_on_is_given_up_when_the_server_stops() -> None:
    application = Application()
    with contextlib.ExitStack() as stack:
        with serving(application, drain_seconds=0.2) as address:
            body = stack.enter_context(Client(address)).send(PUT + b"Content-Length: 10\r\n\r\n01234")
            with Client(address) as other:
                assert other.send(GET).answer().status == 200
        assert body.answer().status == 408
        assert application.seen == ["/next"]
