"""list documents, list versions (MS-FPSE 3.1.5.3.8, MC-FPSEWM 3.1.5.3.20; fprpc.md §d)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from davlock.errors import Forbidden, NotFound
from davlock.fprpc import metadata
from davlock.fprpc.brackets import parse_metadict
from davlock.fprpc.calls import Call, Operation, Reply
from davlock.fprpc.metadata import Described
from davlock.fprpc.values import DocInfo, FolderInfo, parse_boolean

MAX_ITEMS = 20_000
"""Documents and folders in one answer, which is put together in memory: about 2 KB each."""

_TASKS = ("_x_todo.xml", "_x_todh.xml")
# How programs name the folder of the pictures of a page; thickets are such pages (MS-FPSE 2.2.4).
_THICKETS = ("_files", ".files")
_PAGES = (".htm", ".html")


@dataclass(frozen=True, slots=True)
class Switches:
    """What is left out of a listing: hidden documents, the task list, the folders _derived and _borders, folders of thickets.

    Of folders that are left out, nothing is shown; but one that is asked for itself is.
    """

    hidden: bool
    tasks: bool
    derived: bool
    borders: bool
    thickets: bool

    def shows(self, entry: Described, names: Collection[str]) -> bool:
        """Whether a member of a folder, which has members of these names in lower case, is shown."""
        name = entry.entry.name.lower()
        if entry.entry.is_folder:
            if name in ("_derived", "_borders"):
                return self.derived if name == "_derived" else self.borders
            if not self.thickets and _is_thicket(name, names):
                return False
            return self.hidden or not (name.startswith(("_vti_", ".")) or name == "_private")
        if name in _TASKS:
            return self.tasks
        return self.hidden or not name.startswith((".", "~$"))


def list_documents(call: Call) -> Reply:
    """The members of a folder, or with listRecurse everything below it, as documents and as folders.

    Of what has not changed since the client's stamp of its folder (folderList), the metadata is empty. Raises NotFound, Forbidden when
    there are more than MAX_ITEMS.
    """
    is_wanted = _wanted(call)
    parameter = "initialUrl" if "initialUrl" in call.command.parameters else "initialURL"
    folder = call.address(call.command.get(parameter, str, "")).path
    since = _stamps(call)
    found = list(_walk(call, folder, is_wanted("listRecurse", False), _switches(is_wanted), since))
    documents, folders = (is_wanted("listFiles", True), is_wanted("listFolders", True))
    parent = [_folder(call, folder)] if is_wanted("listIncludeParent", True) else []
    return Reply(
        [
            ("document_list", [each for each in found if documents and isinstance(each, DocInfo)]),
            ("urldirs", [*parent, *(each for each in found if folders and isinstance(each, FolderInfo))]),
        ]
    )


def list_versions(call: Call) -> Reply:
    """The earlier versions of a document that can still be had, the first one first: DOCINFOs with the keys of each.

    The current version is not among them (SDK). version_list is what a client of SharePoint reads (HubKey). Raises NotFound, IsFolder.
    """
    path = call.address(call.command.require("document_name", str)).path
    now = metadata.document(call, path)
    document = call.library.catalogue.document(path)
    earlier = [each for each in call.library.archive.versions(document) if each.is_kept and not each.is_newest] if document else []
    return Reply([("version_list", [DocInfo(now.name, metadata.version(each)) for each in earlier])])


def contents(call: Call, folder: str) -> list[DocInfo | FolderInfo]:
    """Everything below a folder, without what it is about; empty if that is too much for an answer, or the folder is gone."""
    everything = Switches(True, True, True, True, True)
    with suppress(NotFound, Forbidden):
        return list(_walk(call, folder, True, everything, {}))
    return []


def _wanted(call: Call) -> Callable[[str, bool], bool]:
    return lambda name, default: call.command.get(name, parse_boolean, default)


def _switches(is_wanted: Callable[[str, bool], bool]) -> Switches:
    return Switches(
        hidden=is_wanted("listHiddenDocs", False),
        tasks=is_wanted("listExplorerDocs", False),
        derived=is_wanted("listDerived", False),
        borders=is_wanted("listBorders", False),
        thickets=is_wanted("listThickets", True),
    )


def _stamps(call: Call) -> dict[str, int]:
    """When the client has seen folders (paths), in Unix time. Raises Malformed."""
    given = call.command.get("folderList", _parse_stamps, {})
    return {call.address(url).path: seconds for url, seconds in given.items()}


def _parse_stamps(text: str) -> dict[str, int]:
    return {url: stamp.seconds for url, stamp in parse_metadict(text).items()}


def _folder(call: Call, path: str) -> DocInfo | FolderInfo:
    found = metadata.describe(call, [path]).get(path)
    if found is None or not found.entry.is_folder:
        raise NotFound("There is no such folder.")
    return metadata.info(call, found)


def _walk(call: Call, top: str, deep: bool, switches: Switches, since: Mapping[str, int]) -> Iterator[DocInfo | FolderInfo]:
    """The members of folders, one folder after the other, each by name."""
    left, waiting = MAX_ITEMS, [top]
    while waiting:
        folder = waiting.pop()
        try:
            members = list(islice(metadata.listing(call, folder), left + 1))
        except (NotFound, Forbidden):
            if folder == top:
                raise
            continue  # removed meanwhile, or not for the server to read
        left -= len(members)
        if left < 0:
            raise Forbidden(f"There are more than {MAX_ITEMS} documents and folders; list one folder after the other, or use WebDAV.")
        names = {each.entry.name.lower() for each in members}
        shown = sorted((each for each in members if switches.shows(each, names)), key=lambda each: each.entry.path)
        for each in shown:
            yield _info(call, each, since.get(folder))
        if deep:
            waiting += [each.entry.path for each in reversed(shown) if each.entry.is_folder]


def _info(call: Call, found: Described, since: int | None) -> DocInfo | FolderInfo:
    """A member of a folder that the client has seen at `since` (Unix time), if at all."""
    info = metadata.info(call, found)
    # What is not recorded may have come with any time of change; and within the second of the stamp there may have been another one.
    if since is None or found.stamp >= since or not (found.is_plain and (found.is_recorded or found.entry.is_folder)):
        return info
    return type(info)(call.relative(found.entry.path), {})


def _is_thicket(name: str, names: Collection[str]) -> bool:
    """Whether a folder of this name has the pictures of a page beside it. All in lower case."""
    page = next((name.removesuffix(ending) for ending in _THICKETS if name.endswith(ending)), "")
    return bool(page) and any(page + ending in names for ending in _PAGES)


METHODS: dict[str, Operation] = {"list documents": list_documents, "list versions": list_versions}
