"""File names that clients ask for: amended rather than refused, and told by the answer (rest.md §9.11)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from davlock import paths
from davlock.errors import BadName

MAX_NAME = 254
"""Characters, with the extension (SuperOffice)."""
UNNAMED = "document"
# What Windows cannot store as a name, though WebDAV clients on other systems may have used it.
_ILLEGAL = re.compile('[<>:"|?*\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffd-\uffff]')
_SEPARATORS = re.compile(r"[/\\]")
_EXTENSION = re.compile(r"(?s)(.*?)((?:\.[^. ]{1,16})?)")


def amended(name: str, folder: str) -> str:
    """A name like this one that a document in a folder can have; empty if there is nothing left of it.

    Raises BadName for a path: somebody wants another folder then, not another name.
    """
    if _SEPARATORS.search(name):
        raise BadName("A name cannot have slashes and backslashes; the folder is not a part of it.")
    name = _cut(_ILLEGAL.sub("", name).strip(" ").rstrip(". "), "")  # of dots and blanks at the end, Windows knows nothing
    if _is_possible(name, folder):
        return name
    # A reserved name, `..` and its like, or what a second decoding would make one.
    name = name.replace("%", "").lstrip("._ ")
    return name if _is_possible(name, folder) else ""


def free(name: str, is_taken: Callable[[str], bool]) -> Iterator[str]:
    """The name itself, and then names like `report[1].docx`, of which the first one that is free is near the beginning.

    is_taken: whether something has a name now; names that are free may be taken when they are tried.
    """
    if not is_taken(name):
        yield name
    number = 1
    while is_taken(_numbered(name, number)):
        number *= 2
    low = number // 2  # taken, or 0: the smallest free number is likely to be between the two
    while number - low > 1:
        middle = (low + number) // 2
        low, number = (middle, number) if is_taken(_numbered(name, middle)) else (low, middle)
    while True:
        yield _numbered(name, number)
        number += 1


def _numbered(name: str, number: int) -> str:
    return _cut(name, f"[{number}]")


def _cut(name: str, mark: str) -> str:
    """The name with a mark before its extension, short enough."""
    stem, extension = _split(name)
    stem = stem[: MAX_NAME - len(mark) - len(extension)]
    while len((stem + mark + extension).encode()) > paths.MAX_NAME_BYTES:
        stem = stem[:-1]
    return stem + mark + extension


def _split(name: str) -> tuple[str, str]:
    parts = _EXTENSION.fullmatch(name)
    return (parts[1], parts[2]) if parts and parts[1] else (name, "")


def _is_possible(name: str, folder: str) -> bool:
    return bool(name) and not paths.is_hidden(name) and not paths.is_reserved(paths.join(folder, name))
