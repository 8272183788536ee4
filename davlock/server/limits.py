"""How long the server waits for its clients, and for how many at once."""

from __future__ import annotations

import resource
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one process grants.

    handshake_seconds:    for a TLS handshake.
    head_seconds:         for the head of a request, from its first byte.
    idle_seconds:         between two requests.
    body_seconds:         that reading a body may be waited for without anything coming; see Patience.
    answer_seconds:       that a client may take nothing of its answer; see Patience.
    least_rate:           bytes per second of bodies and answers in the long run.
    connections:          in total; 0 derives it from the descriptors that the process may have.
    connections_per_peer: of one address, or one IPv6 network of 64 bits.
    threads:              of which most only wait for slow clients; see Workers.
    buffered_bytes:       of requests that are not yet complete, over all connections.
    """

    handshake_seconds: float = 10.0
    head_seconds: float = 10.0
    idle_seconds: float = 60.0
    body_seconds: float = 20.0
    answer_seconds: float = 30.0
    least_rate: float = 500.0
    connections: int = 0
    connections_per_peer: int = 256
    threads: int = 320
    buffered_bytes: int = 64 * 1024 * 1024

    @property
    def most_connections(self) -> int:
        """`connections`, or what leaves a quarter of the descriptors, at least 40, to files and databases."""
        if self.connections:
            return self.connections
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return max(min(soft - max(soft // 4, 40), 16_384), 8)


class Patience:
    """How many seconds a client may still keep the server waiting: `left`.

    Only waiting uses it up. What the client sends or takes refills it at the least rate, but never above `seconds`: so
    no silence is longer, and in the long run nobody is slower than that rate. Requests start with all of it.
    """

    __slots__ = ("_rate", "_seconds", "left")

    def __init__(self, seconds: float, rate: float) -> None:
        self.left = self._seconds = seconds
        self._rate = rate

    def renew(self) -> None:
        """For the next request."""
        self.left = self._seconds

    def spend(self, seconds: float) -> None:
        """The client was waited for."""
        self.left -= seconds

    def earn(self, count: int) -> None:
        """The client has moved so many bytes."""
        self.left = min(self._seconds, self.left + count / self._rate)


def raise_descriptor_limit() -> None:
    """Let this process have as many descriptors as it may: every connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
