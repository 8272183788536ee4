"""Run as a process by test_processes: serves on a free port and prints what happens, one line each."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from davlock.server import serve

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication


def say(*words: object) -> None:
    """One write per line, so that processes don't mix theirs."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/pid":
        start_response("200 OK", [])
        return [b"%d %s" % (os.getpid(), str(environ["wsgi.multiprocess"]).encode())]
    length = 0
    try:
        while block := environ["wsgi.input"].read(262144):
            length += len(block)
    except ConnectionError:
        say("cut")
        start_response("400 Bad Request", [])
        return [b"cut"]
    say("whole", length)
    start_response("200 OK", [])
    return [b"%d" % length]


def make_application() -> WSGIApplication:
    say("made in", os.getpid())
    if sys.argv[3] == "broken":
        raise RuntimeError("no application today")
    return application


if __name__ == "__main__":
    serve(
        make_application,
        host=sys.argv[4],
        port=0,
        workers=int(sys.argv[1]),
        threads=4,
        drain_seconds=float(sys.argv[2]),
        ready=lambda host, port: say("ready", host, port),
        at_worker_start=lambda: say("started in", os.getpid()),
    )
    say("returned in", os.getpid())
