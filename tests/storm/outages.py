"""Killing a server at random moments, as power failures would, and starting it again."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

import pytest

from tests.serving import START_SECONDS, Client, Serving
from tests.storm.history import Kill


def strike(serving: Serving, number: int, seconds: float, seed: int, kills: list[Kill], look: Callable[[], None] = lambda: None) -> None:
    """Kill all processes of a server so many times within about so many seconds of service, adding to kills.

    look() is called once it serves again. Fails if it does not come back.
    """
    moments = random.Random(seed)
    for _ in range(number):
        time.sleep(moments.uniform(0, 2 * seconds / number))
        began = time.monotonic()
        serving.kill()
        killed = time.monotonic()
        try:
            serving.start()
            _await(lambda: _answers(serving))
        except pytest.fail.Exception:
            kills.append(Kill(began, killed, math.inf))
            raise
        kills.append(Kill(began, killed, time.monotonic()))
        look()


def _answers(serving: Serving) -> bool:
    probe = Client(serving, serving.users[0])
    try:
        return probe.propfind("/").status == 207
    except OSError:
        return False
    finally:
        probe.close()


def _await(question: Callable[[], bool]) -> None:
    given_up = time.monotonic() + START_SECONDS
    while not question():
        if time.monotonic() > given_up:
            pytest.fail("the server said that it was ready, but does not answer", pytrace=False)
