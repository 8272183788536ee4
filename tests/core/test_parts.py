"""The parts of a multipart body: whatever they contain comes back, and whatever is missing is missed."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock.errors import BadRequest, IncompleteBody, TooLarge
from davlock.parts import Part, Parts

KIND = "multipart/mixed; boundary=b"
# Everything that looks like the line between parts and is none.
CONTENTS = st.lists(st.one_of(st.binary(), st.sampled_from([b"\r\n--", b"\r\n-", b"--b", b"\r", b"\n", b"\r\n--a\r\n"])), max_size=6).map(
    lambda pieces: re.sub(rb"\r\n--b|^--b", b"", b"".join(pieces))
)


class Pieces:
    """A source that gives less than is asked for."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = BytesIO(data)
        self._sizes = sizes

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._sizes.pop(0) if self._sizes else size))


def body(contents: list[bytes], kind: str = "text/plain") -> bytes:
    return b"".join(b"--b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (kind.encode(), each) for each in contents) + b"--b--\r\n"


def content(part: Part, size: int = 64 * 1024) -> bytes:
    return b"".join(iter(lambda: part.read(size), b""))


@given(st.lists(CONTENTS, min_size=1, max_size=5), st.lists(st.integers(1, 50)), st.integers(1, 100))
def test_what_was_sent_comes_back(contents: list[bytes], sizes: list[int], block: int) -> None:
    parts = Parts(Pieces(body(contents), sizes), KIND, 5)
    assert [content(part, block) for part in parts] == contents
    assert next(parts, None) is None


@given(st.lists(CONTENTS, min_size=2, max_size=5), st.data())
def test_a_body_that_is_cut_is_missed(contents: list[bytes], data: st.DataObject) -> None:
    whole = body(contents)
    cut = whole[: data.draw(st.integers(0, len(whole) - len(b"-\r\n")))]
    parts = Parts(BytesIO(cut), KIND, 5)
    with pytest.raises(IncompleteBody):
        for part in parts:
            content(part)
    with pytest.raises(IncompleteBody):  # and stays so: half a body cannot pass for a whole one
        next(parts)


@given(st.lists(CONTENTS, min_size=2, max_size=5))
def test_what_is_not_read_is_passed_over(contents: list[bytes]) -> None:
    parts = Parts(BytesIO(body(contents)), KIND, 5)
    for _ in contents[:-1]:
        next(parts).read(1)
    assert content(next(parts)) == contents[-1]


def test_the_head_of_a_part() -> None:
    (part,) = Parts(BytesIO(body([b""], "Text/HTML; charset=utf-8\r\nx-y:  z")), KIND, 1)
    assert (part.media_type, dict(part.headers)) == ("text/html", {"Content-Type": "Text/HTML; charset=utf-8", "X-Y": "z"})


@pytest.mark.parametrize(
    "kind", ["multipart/mixed;boundary=b", 'multipart/mixed; charset=x; BOUNDARY="b"', "multipart/mixed; boundary=b ; x=y"]
)
def test_a_boundary_is_found(kind: str) -> None:
    assert [content(part) for part in Parts(BytesIO(body([b"1", b"2"])), kind, 2)] == [b"1", b"2"]


@pytest.mark.parametrize("boundary", ["simple boundary", "a:b/c?d=e'(f)+_,-.g", "x" * 70])
def test_every_boundary_that_rfc_2046_allows(boundary: str) -> None:
    sent = f"--{boundary}\r\n\r\none\r\n--{boundary}--".encode()
    assert content(next(Parts(BytesIO(sent), f'multipart/mixed; boundary="{boundary}"', 1))) == b"one"


def test_limits() -> None:
    with pytest.raises(TooLarge):
        list(Parts(BytesIO(body([b"1", b"2", b"3"])), KIND, 2))
    for head in ("x" * 5000, *["".join(f"\r\nX{number}: y" for number in range(9))]):
        with pytest.raises(TooLarge):
            list(Parts(BytesIO(body([b"1"], f"text/plain{head}")), KIND, 2))


def test_a_source_that_breaks_off() -> None:
    class Broken:
        def read(self, size: int, /) -> bytes:
            raise ConnectionAbortedError("gone")

    with pytest.raises(IncompleteBody):
        next(Parts(Broken(), KIND, 1))


@pytest.mark.parametrize(
    "wrong", [b"--bx\r\n", b"--b\r\nno colon\r\n\r\n--b--", b"--b\r\n\n1\r\n--b--", b"--b\r\nContent-Length: x\r\n\r\n\r\n--b--"]
)
def test_what_is_no_multipart_body(wrong: bytes) -> None:
    with pytest.raises(BadRequest):
        list(Parts(BytesIO(wrong), KIND, 5))
