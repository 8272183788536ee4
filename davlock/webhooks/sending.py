"""One request to a server that is told something: to the address that was checked, within ten seconds, and following nothing.

The standard library's client, because it can be given a connection: others look the name up once more when they connect, and by then it
may lead elsewhere (DNS rebinding).
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property

from davlock.errors import DavlockError
from davlock.webhooks.messages import Message
from davlock.webhooks.targets import Address, Target, Targets

DEADLINE = 10.0  # seconds, for all of it


class Undelivered(DavlockError):
    """Whoever is to be told something has not confirmed it."""


@dataclass(frozen=True)
class Sender:
    """targets: which servers may be told."""

    targets: Targets
    deadline: float = DEADLINE

    def send(self, url: str, message: Message) -> None:
        """Raises Undelivered unless the target answers 2xx; and what Targets.parse() and addresses() raise, but OSError."""
        target = self.targets.parse(url)
        try:
            addresses = self.targets.addresses(target)
        except (OSError, UnicodeError) as error:
            raise Undelivered(f"There is no address of {target.host} at the moment.") from error
        end = time.monotonic() + self.deadline
        try:
            with _connect(addresses, target.port, end) as connection:
                status = self._exchange(connection, target, message, end)
                if time.monotonic() >= end:
                    raise TimeoutError  # what was cut off in the headers passes for whole
        except ssl.SSLCertVerificationError as error:
            raise Undelivered(f"The certificate of {target.host} is not valid: {error.verify_message}.") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            if time.monotonic() >= end:
                raise Undelivered(f"{target.host} did not answer within {self.deadline:.0f} seconds.") from error
            raise Undelivered(f"{target.host} could not be told: {_why(error)}.") from error
        if not 200 <= status < 300:
            raise Undelivered(f"{target.host} answered with status {status}.")

    def _exchange(self, connection: socket.socket, target: Target, message: Message, end: float) -> int:
        with _cutting(connection, end):
            client = http.client.HTTPConnection(target.host, target.port)
            if target.is_secure:
                client = http.client.HTTPSConnection(target.host, target.port, context=self._tls)
                connection = self._tls.wrap_socket(connection, server_hostname=target.host)
            client.sock = connection
            try:
                client.request("POST", target.path, message.body, {**message.headers, "Connection": "close"})
                return client.getresponse().status
            finally:
                client.close()

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def _connect(addresses: list[Address], port: int, end: float) -> socket.socket:
    """A connection to the first address that takes one. Raises OSError."""
    failed: OSError = OSError("no address")
    for address in addresses:
        try:
            return socket.create_connection((str(address), port), timeout=max(end - time.monotonic(), 0.001))
        except OSError as error:
            failed = error
    raise failed


@contextmanager
def _cutting(connection: socket.socket, end: float) -> Iterator[None]:
    """Cuts a connection off in the end: a server that sends a byte now and then would keep every single wait short."""
    with connection.dup() as same:  # TLS takes the other one over

        def cut() -> None:
            with suppress(OSError):
                same.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(end - time.monotonic(), 0), cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
