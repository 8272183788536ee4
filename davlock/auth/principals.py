"""Principals: who somebody is, in one spelling for all doors."""

from __future__ import annotations

import unicodedata

from davlock.errors import BadRequest

MAX_CHARACTERS = 100

_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # Unicode categories: controls, no characters, ends of lines


def canonical(name: str) -> str:
    """The one spelling of a principal: `Müller`, `MÜLLER` and the `Mu\u0308ller` of a Mac are one person.

    Raises BadRequest for a name that nobody can have: empty, too long, with a colon (RFC 7617 §2) or with invisible
    characters.
    """
    if any(unicodedata.category(character) in _INVISIBLE for character in name):
        raise BadRequest("A user name cannot contain control characters or characters that nobody can see.")
    # Twice, because case folding can take a text out of its normal form (Unicode §3.13, D146).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()
    if not folded:
        raise BadRequest("A user name cannot be empty.")
    if ":" in folded:
        raise BadRequest("A user name cannot contain a colon.")
    if len(folded) > MAX_CHARACTERS:
        raise BadRequest(f"A user name cannot be longer than {MAX_CHARACTERS} characters.")
    return folded
