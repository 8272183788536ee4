"""Paths: the only place where one is normalised, and where a name is refused.

A path is canonical: `/` or `/a/b`, in Unicode NFC, without empty, `.` or `..` segments. Two spellings of one name (a Mac
writes `ü` as two code points) are one path; an Address remembers beside it how the last name was spelled, because that is
how it will be written on the disk.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from davlock.errors import BadName, Forbidden

ROOT = "/"
PRIVATE = ".davlock"
MAX_NAME_BYTES = 255
MAX_PATH_BYTES = 3072
MAX_DEPTH = 100

# Not allowed in XML 1.0, which every listing is made of (§2.2), or not allowed in a name: controls, surrogates, non-characters.
_FORBIDDEN_CHARACTERS = re.compile("[\x00-\x1f\x7f-\x9f/\\\\\ud800-\udfff\ufffd-\uffff]")
# %2f, %5c, %00 and friends that a second decoding, somewhere behind us, would turn into something else than a name.
_DECODES_TO_DANGER = re.compile(r"%(?:2e|2f|5c|00|25)", re.IGNORECASE)
# What most names look like: nothing can be wrong with them, in any folder but /api.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+,()&-]{0,99}")
_RESERVED = re.compile(r"/(?:api/v1|_davlock)(?:/|$)", re.IGNORECASE)
# FrontPage's entrances are below every folder: what would be stored there could not be read again.
_RESERVED_EVERYWHERE = re.compile(r"/_vti_(?:bin|inf\.html)(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """A path, and how its last name was spelled by whoever sent it (before NFC)."""

    path: str
    spelling: str


def parse(text: str) -> Address:
    """The address that a decoded path text (`/a//b/`) means.

    Raises BadName for names that no document can have, Forbidden for davlock's own folder and the names of other doors.
    """
    names = [name for name in text.split("/") if name]
    if len(names) > MAX_DEPTH:
        raise BadName(f"The path has {len(names)} levels; at most {MAX_DEPTH} are possible.")
    for name in names:
        _refuse(name)
    path = ROOT + "/".join(names)
    if not path.isascii():
        path = unicodedata.normalize("NFC", path)
    if len(path.encode()) > MAX_PATH_BYTES:
        raise BadName(f"The path is longer than {MAX_PATH_BYTES} bytes.")
    if is_reserved(path):
        raise Forbidden("This name is reserved for another entrance of the server; choose another one.")
    return Address(path, names[-1] if names else "")


def problem(name: str) -> str | None:
    """Why no document can have this name, or None if one can. A sentence without the name itself."""
    if _FORBIDDEN_CHARACTERS.search(name):
        return "A name cannot contain control characters, slashes, backslashes or characters that are not text."
    if not name.isascii() and not unicodedata.normalize("NFKC", name).strip("."):
        return "A name cannot consist of dots only."
    if not name.strip("."):
        return "A name cannot consist of dots only."
    # The name itself, or in the NFC spelling that other programs may store.
    if len(name) * 4 > MAX_NAME_BYTES and len(name.encode()) > MAX_NAME_BYTES:
        return f"A name cannot be longer than {MAX_NAME_BYTES} bytes."
    if "%" in name and _DECODES_TO_DANGER.search(name) and _dangerous(name):
        return "A name cannot contain an encoded separator or dots."
    return None


def _refuse(name: str) -> None:
    if found := problem(name):
        raise BadName(found)
    if name.casefold() == PRIVATE:
        raise Forbidden("This folder belongs to the server itself and cannot be reached.")


def _dangerous(name: str) -> bool:
    again = unquote(name, errors="replace")
    return not again.strip(".") or bool(_FORBIDDEN_CHARACTERS.search(again)) or (again != name and _dangerous(again))


def is_hidden(name: str) -> bool:
    """Whether an entry of a folder on the disk can be reached through no door: davlock's own folder, unusable names."""
    return name.casefold() == PRIVATE or problem(name) is not None


def is_plain(name: str) -> bool:
    """Whether a name is one of the many that need no closer look: canonical, neither hidden nor (outside /api) reserved."""
    return _PLAIN.fullmatch(name) is not None


def are_plain(names: Iterable[str]) -> bool:
    """Whether all of them are."""
    return all(map(_PLAIN.fullmatch, names))


def is_reserved(path: str) -> bool:
    """Whether a canonical path is kept for another door."""
    return _RESERVED.match(path) is not None or _RESERVED_EVERYWHERE.search(path) is not None


def parent(path: str) -> str:
    """The folder that a path is in; the root is in itself."""
    return path.rpartition("/")[0] or ROOT


def name(path: str) -> str:
    """The last name of a path; empty for the root."""
    return path.rpartition("/")[2]


def join(folder: str, name: str) -> str:
    """The path of a member of a folder."""
    return f"/{name}" if folder == ROOT else f"{folder}/{name}"


def ancestors(path: str) -> list[str]:
    """The folders above a path, from the root down; empty for the root."""
    found = []
    while path != ROOT:
        path = parent(path)
        found.append(path)
    return found[::-1]


def is_below(path: str, folder: str) -> bool:
    """Whether a path lies strictly below a folder, at any depth."""
    return path != folder and (folder == ROOT or path.startswith(folder + "/"))


def range_below(folder: str) -> tuple[str, str]:
    """Bounds (low, high) of the paths strictly below a folder: low < path < high, in code point order."""
    return ("/", "0") if folder == ROOT else (folder + "/", folder + "0")


def rebase(path: str, source: str, target: str) -> str:
    """Where a path at or below source is after source has become target."""
    return target + path[len(source) :]


def canonical_name(name: str) -> str:
    """The canonical form of one name as it is spelled on the disk."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
