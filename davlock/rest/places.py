"""Where documents go: the folder and the name that a client asks for, and the ones that are possible."""

from __future__ import annotations

from itertools import islice

from davlock import paths
from davlock.errors import BadName, Forbidden, ParentMissing
from davlock.paths import Address
from davlock.rest import names
from davlock.rest.calls import Call
from davlock.rest.types import DocumentEntityInput

_ATTEMPTS = 100  # a name that others take, each time between the look at it and the decision


def destination(call: Call, now: str, wanted: DocumentEntityInput) -> tuple[str, str]:
    """The folder and the name that the document which is at a path now shall have. Raises BadName, ParentMissing, Forbidden."""
    folder, name = paths.parent(now), paths.name(now)
    named = ""
    if wanted.path and wanted.path != now:
        folder, named = place(call, wanted.path)
    asked = wanted.name if wanted.name and wanted.name != name else named
    return folder, names.amended(asked, folder) or name


def place(call: Call, path: str) -> tuple[str, str]:
    """The folder that a Path means, and the name in it if it is that of a document. Raises ParentMissing, Forbidden."""
    try:
        at = paths.parse(path)
    except BadName as error:
        raise ParentMissing(f"There can be no such folder. {error.message}") from error
    folder, name = (at.path, "") if path.endswith("/") or call.library.is_folder(at.path) else (paths.parent(at.path), at.spelling)
    if not call.library.is_folder(folder):
        raise ParentMissing("The folder that this should go into does not exist; create it first.")
    return folder, name


def free(call: Call, folder: str, name: str) -> list[Address]:
    """Addresses to try, one after the other, for a document with a name like this one. Raises BadName for a path that is too long."""

    def is_taken(name: str) -> bool:
        try:
            return call.library.look(paths.join(folder, paths.canonical_name(name)), call.caller.principal) is not None
        except Forbidden:  # something that is never served
            return True

    return [paths.parse(paths.join(folder, each)) for each in islice(names.free(name, is_taken), _ATTEMPTS)]
