"""What a client accepts and sends: JSON or XML, by media types (RFC 9110 §12.5.1; rest.md §3, §4)."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from davlock.rest.refusals import Refused


class Format(Enum):
    """How a body is written."""

    JSON = "JSON"
    XML = "XML"
    FORM = "a form"


class Answer(NamedTuple):
    """How an answer is written, and its Content-Type."""

    format: Format
    content_type: str


JSON = Answer(Format.JSON, "application/json; charset=utf-8")
# the first one wins where a client does not care
ANSWERS = {
    "application/json": JSON,
    "application/xml": Answer(Format.XML, "application/xml; charset=utf-8"),
    "text/json": Answer(Format.JSON, "text/json; charset=utf-8"),
    "text/xml": Answer(Format.XML, "text/xml; charset=utf-8"),
}
BODIES = {
    "application/json": Format.JSON,
    "text/json": Format.JSON,
    "application/xml": Format.XML,
    "text/xml": Format.XML,
    "application/x-www-form-urlencoded": Format.FORM,
    "application/json-patch+json": Format.JSON,
    "application/merge-patch+json": Format.JSON,
}
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_CHARSET = re.compile(r""";\s*charset\s*=\s*"?([^\s";]*)""", re.IGNORECASE)


@lru_cache(maxsize=128)
def accepted(header: str) -> Answer | None:
    """How to answer a client that sends this Accept header (empty: anything); None if it wants neither JSON nor XML."""
    ranges = _ranges(header)
    if not header.strip():
        return JSON
    found, best = None, 0.0
    for media_type, answer in ANSWERS.items():
        if (quality := _quality(ranges, media_type)) > best:
            found, best = answer, quality
    return found


@lru_cache(maxsize=128)
def quality(header: str, media_type: str) -> float:
    """How welcome a media type is, 0 to 1, to a client that sends this Accept header (empty: anything)."""
    return _quality(_ranges(header), media_type) if header.strip() else 1.0


def answer(header: str) -> Answer:
    """How to answer a client that sends this Accept header. Raises Refused (406)."""
    found = accepted(header)
    if found is None:
        raise Refused(406, "NotAcceptableException", "This can be had as application/json or application/xml only.")
    return found


@lru_cache(maxsize=128)
def body_format(content_type: str) -> Format:
    """How a body with this Content-Type is written: JSON if there is none. Raises Refused (415)."""
    media_type = content_type.partition(";")[0].strip().lower() or "application/json"
    charset = _CHARSET.search(content_type)
    if media_type not in BODIES or (charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii")):
        raise Refused(415, "UnsupportedMediaTypeException", f"A body can be, in UTF-8, one of: {', '.join(BODIES)}.")
    return BODIES[media_type]


def check_encoding(content_encoding: str) -> None:
    """Raises Refused (415) for a body that is compressed: it would be stored as it came (RFC 9110 §8.4)."""
    if content_encoding.strip().lower() not in ("", "identity"):
        raise Refused(415, "UnsupportedMediaTypeException", "Compressed bodies are not possible; send it without Content-Encoding.")


def _quality(ranges: dict[str, float], media_type: str) -> float:
    # the most specific range that fits says it
    general = f"{media_type.partition('/')[0]}/*"
    return next((ranges[each] for each in (media_type, general, "*/*") if each in ranges), 0.0)


def _ranges(header: str) -> dict[str, float]:
    """How welcome each media range is; what makes no sense is left out."""
    found: dict[str, float] = {}
    for member in header.lower().split(","):
        media_range, *parameters = (part.strip() for part in member.split(";"))
        quality = next((each.partition("=")[2].strip() for each in parameters if each.partition("=")[0].strip() == "q"), "1")
        if _QUALITY.fullmatch(quality):
            found[media_range] = max(found.get(media_range, 0.0), float(quality))
    return found
