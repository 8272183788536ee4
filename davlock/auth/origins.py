"""Other sites whose pages may use the API (RFC 6454)."""

from __future__ import annotations

import re
from collections.abc import Iterable

ANY = "*"
PATTERN = r"\*|[Hh][Tt][Tt][Pp][Ss]?://(?:[0-9A-Za-z._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5}|:?\*)?"

_PORT = re.compile(r"(?::[0-9]{1,5})?")


class Origins:
    """patterns: origins such as https://app.example; with `*` at its end for any port; `*` alone for every site there is."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        lowered = [pattern.lower() for pattern in patterns]
        self.admit_all = ANY in lowered
        # The port and nothing else, although SuperOffice takes any text for it: http://localhost.evil.example is another site.
        self._with_any_port = tuple(each[:-1].removesuffix(":") for each in lowered if each.endswith(ANY) and each != ANY)
        self._named = frozenset(lowered)

    def __bool__(self) -> bool:
        return self.admit_all or bool(self._named)

    def trust(self, origin: str) -> bool:
        """Whether this origin is named: then its pages may also use what the browser itself sends, passwords and cookies."""
        lowered = origin.lower()
        if lowered in self._named and lowered != ANY:
            return True
        return any(lowered.startswith(site) and _PORT.fullmatch(lowered[len(site) :]) for site in self._with_any_port)
