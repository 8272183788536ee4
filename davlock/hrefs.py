"""Hrefs: paths as they are written in URLs (RFC 3986), in both directions."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from davlock import paths
from davlock.errors import BadName
from davlock.paths import Address

# sub-delims, unreserved, `:`, `@` and `/` (RFC 3986 §3.3): LibreOffice cannot save where `&` or `()` are escaped.
_SAFE = "-._~!$&'()*+,;=:@/"
_UNSAFE = re.compile(rf"[^A-Za-z0-9{re.escape(_SAFE)}]")
# A table, because urllib's quote takes three times as long and a listing is made of names.
_WRITTEN = [f"%{byte:02X}" if _UNSAFE.match(chr(byte)) else chr(byte) for byte in range(256)]
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
# They would be a separator or an end for somebody who decodes a second time.
_SEPARATOR_ESCAPE = re.compile(r"%(?:2f|5c|00)", re.IGNORECASE)

_REMEMBERED_LENGTH = 512


def encode(path: str, is_folder: bool = False) -> str:
    """The href of a path, percent-encoded UTF-8, with a slash at the end for a folder; not yet escaped for XML."""
    if _UNSAFE.search(path):
        path = "".join([_WRITTEN[byte] for byte in path.encode(errors="surrogatepass")])
    return path + "/" if is_folder and not path.endswith("/") else path


def decode(raw: str) -> Address:
    """The address that a percent-encoded absolute path from the wire means, decoded exactly once.

    raw is ASCII, or Latin-1 for bytes that a client did not escape (as WSGI has them), without query and fragment.
    A slash at the end makes no difference (RFC 4918 §5.2); see has_trailing_slash. Raises BadName, and Forbidden as
    paths.parse does.
    """
    return _decode_again(raw) if len(raw) < _REMEMBERED_LENGTH else _decode(raw)


def _decode(raw: str) -> Address:
    if not raw.startswith("/"):
        raise BadName("The path must begin with a slash.")
    if "%" not in raw and raw.isascii():
        return paths.parse(raw)
    if _SEPARATOR_ESCAPE.search(raw):
        raise BadName("A name cannot contain an encoded slash, backslash or NUL.")
    if _BROKEN_ESCAPE.search(raw):
        raise BadName("The path has a percent sign that no two hexadecimal digits follow; send a percent sign as %25.")
    try:
        text = unquote_to_bytes(raw.encode("latin-1")).decode()
    except UnicodeError:
        raise BadName("The path is not UTF-8; send the name in UTF-8 and percent-encoded.") from None
    return paths.parse(text)


# What somebody does with a document is several requests about one path.
_decode_again = lru_cache(maxsize=1024)(_decode)


def has_trailing_slash(raw: str) -> bool:
    """Whether a path from the wire names a folder, whatever stands there (RFC 4918 §5.2)."""
    return raw.endswith("/")


def as_sent(raw: str) -> str:
    """The href as a client has written it, for answers in which it looks for that very text; raw is as for decode()."""
    return raw if raw.isascii() else "".join([char if char.isascii() else _WRITTEN[ord(char)] for char in raw])
