"""Answers of the WebDAV door."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus

XML_TYPE = "application/xml; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
DOCUMENT_ID = "Document-Id"  # davlock's own: the number that the other doors know a document by

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Answer:
    """What is sent back. length in bytes, None if it is not known beforehand."""

    status: int
    headers: Headers = field(default_factory=list)
    body: Iterable[bytes] = ()
    length: int | None = 0

    @property
    def status_line(self) -> str:
        return _STATUS_LINES[self.status]

    def close(self) -> None:
        """Gives back what the body holds, if it is not to be sent."""
        close = getattr(self.body, "close", None)
        if close:
            close()


_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus} | {
    302: "302 Found",
    413: "413 Content Too Large",
    416: "416 Range Not Satisfiable",
}


def text(status: int, message: str, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """A sentence for a person."""
    body = f"{message}\n".encode()
    return Answer(status, [("Content-Type", TEXT_TYPE), *headers], [body], len(body))


def xml_answer(status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    """A whole XML document."""
    return Answer(status, [("Content-Type", XML_TYPE), *headers], [body], len(body))
