"""What is remembered of answers, and how much."""

from __future__ import annotations

from collections.abc import Iterator

from davlock.dav.known_answers import KnownAnswers


class Maker:
    """Makes a body of two blocks, and counts."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Iterator[bytes]:
        self.made += 1
        yield b"made "
        yield str(self.made).encode()


def test_the_same_is_not_made_again() -> None:
    known, make = KnownAnswers(most=2, largest=100), Maker()
    assert list(known.blocks("a", [1], make)) == [b"made 1"]
    assert list(known.blocks("a", [1], make)) == [b"made 1"]
    assert list(known.blocks("a", [2], make)) == [b"made 2"]
    assert list(known.blocks("b", [2], make)) == [b"made 3"]


def test_the_oldest_ones_are_forgotten() -> None:
    known, make = KnownAnswers(most=2, largest=100), Maker()
    for key in ("a", "b", "a", "c", "b", "c"):
        list(known.blocks(key, [1], make))
    assert make.made == 3
    list(known.blocks("a", [1], make))
    assert make.made == 4


def test_large_ones_are_not_remembered_nor_held_back() -> None:
    known, make = KnownAnswers(most=2, largest=5), Maker()
    for time in (1, 2):
        assert list(known.blocks("a", [1], make)) == [b"made ", str(time).encode()]


def test_another_answer_to_the_same_takes_its_place() -> None:
    known, make = KnownAnswers(most=2, largest=100), Maker()
    for key, made_of in (("a", 1), ("b", 1), ("b", 2)):
        list(known.blocks(key, made_of, make))
    assert list(known.blocks("a", 1, make)) == [b"made 1"]
