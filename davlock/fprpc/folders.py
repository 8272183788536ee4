"""move document, remove documents, create url-directory, create url-directories (MS-FPSE 3.1.5.3; fprpc.md §d)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import zip_longest

from davlock import msnumbers
from davlock.conditions import Conditions, View, unconditionally
from davlock.errors import DavlockError, Exists, Forbidden, NotFound, PreconditionFailed, Unavailable
from davlock.fprpc import listings, metadata, metakeys, refusals
from davlock.fprpc.brackets import parse_folders, parse_metadict, parse_vector
from davlock.fprpc.calls import Call, Operation, Reply
from davlock.fprpc.values import DocInfo, FolderInfo, Malformed, parse_boolean, parse_options, parse_time
from davlock.paths import Address


def move_document(call: Call) -> Reply:
    """Renames a document or folder, or with docopy copies it; over something that is there only with put_option `overwrite`.

    The caller's checkouts go along. rename_option `createdir` makes the folder that it goes into; the other options are about links.
    Raises NotFound, Locked, PreconditionFailed, ParentMissing, Forbidden.
    """
    old, new = call.command.require("oldUrl", str), call.command.require("newUrl", str)
    source, to = call.address(old).path, call.address(new)
    overwrite = "overwrite" in call.command.get("put_option", parse_options, frozenset())
    copies = call.command.get("docopy", parse_boolean, False)
    with made_for(call, new, "createdir" in call.command.get("rename_option", parse_options, frozenset())):
        if copies:
            call.library.copy(source, to, call.caller, overwrite=overwrite)
        else:
            call.library.move(source, to, call.caller, overwrite=overwrite)
    names = call.relative(source), call.relative(to.path)
    return Reply(
        [
            ("oldUrl", names[0]),
            ("newUrl", names[1]),
            # What has changed because links to it were adapted: nothing.
            ("document_list", []),
            *_arrived(call, to.path),
        ],
        f"successfully {'copied' if copies else 'renamed'} URL '{names[0]}' as '{names[1]}'",
    )


def remove_documents(call: Call) -> Reply:
    """Removes documents and folders, each for itself: those that could not be are told as failed, and why in the message.

    time_tokens, in step with url_list, are edit stamps (vti_timelastmodified): a document that has another one stays. Raises Malformed.
    """
    urls = call.command.require("url_list", parse_vector)
    stamps = call.command.get("time_tokens", _parse_stamps, ())
    if len(stamps) > len(urls):
        raise Malformed("time_tokens has more items than url_list.")
    removed: list[DocInfo | FolderInfo] = []
    failed: list[DocInfo | FolderInfo] = []
    reasons = []
    for url, stamp in zip_longest(urls, stamps):
        kind = _kind(call, url)
        try:
            removed.append(kind(_remove(call, url, stamp)))
        except Unavailable:
            raise
        except DavlockError as error:
            failed.append(kind(url))
            reasons.append(refusals.sentence(error, call.caller.principal, call.library))
    return Reply(
        [
            ("removed_docs", [each for each in removed if isinstance(each, DocInfo)]),
            ("removed_dirs", [each for each in removed if isinstance(each, FolderInfo)]),
            ("failed_docs", [each for each in failed if isinstance(each, DocInfo)]),
            ("failed_dirs", [each for each in failed if isinstance(each, FolderInfo)]),
        ],
        " ".join(["failed to remove some documents:", *dict.fromkeys(reasons)]) if failed else "successfully removed documents",
    )


def create_directory(call: Call) -> Reply:
    """A new folder, with what meta_info says of it. Raises Refused if there is one, Exists, ParentMissing, Locked."""
    meta = call.command.get("meta_info", parse_metadict, {})
    return _create(call, [FolderInfo(call.command.require("url", str), meta)], "successfully created URL-directory")


def create_directories(call: Call) -> Reply:
    """New folders, in their order; the first that cannot be made ends it, and those before it stay. Raises as create_directory()."""
    return _create(call, call.command.require("urldirs", parse_folders), "successfully created URL-directories")


@contextmanager
def made_for(call: Call, url: str, is_wanted: bool) -> Iterator[None]:
    """The folder that something is put into, made if that is wanted: and taken away again if nothing was put there after all."""
    folder, is_made = call.address(url.strip("/").rpartition("/")[0]), False
    if is_wanted and not call.library.is_folder(folder.path):
        with suppress(Exists):  # somebody was quicker: then it is his
            call.library.make_folder(folder, call.caller)
            is_made = True
    try:
        yield
    except BaseException:
        if is_made:
            with suppress(DavlockError):
                call.library.delete(folder.path, call.caller, _empty(folder.path))
        raise


def _empty(folder: str) -> Conditions:
    def check(view: View) -> None:
        if any(view.drafts.tree.listing(folder)):
            raise PreconditionFailed("Somebody has put something there meanwhile.")

    return check


def _arrived(call: Call, path: str) -> list[tuple[str, list[DocInfo | FolderInfo]]]:
    found = metadata.describe(call, [path]).get(path)
    infos = [metadata.info(call, found), *(listings.contents(call, path) if found.entry.is_folder else ())] if found else []
    return [
        ("moved_docs", [each for each in infos if isinstance(each, DocInfo)]),
        ("moved_dirs", [each for each in infos if isinstance(each, FolderInfo)]),
    ]


def _parse_stamps(text: str) -> tuple[int | None, ...]:
    """VECTOR of TIME; an empty one says nothing."""
    return tuple(parse_time(each) if each else None for each in parse_vector(text))


def _kind(call: Call, url: str) -> type[DocInfo] | type[FolderInfo]:
    with suppress(DavlockError):
        if call.library.is_folder(call.address(url).path):
            return FolderInfo
    return DocInfo


def _remove(call: Call, url: str, stamp: int | None) -> str:
    """Removes what is at a url; returns that, as it is told."""
    path = call.address(url).path
    if path == call.site:
        raise Forbidden("The site itself cannot be removed, only what is in it.")
    call.library.delete(path, call.caller, unconditionally if stamp is None else _unchanged(path, stamp))
    return call.relative(path)


def _unchanged(path: str, stamp: int) -> Conditions:
    def check(view: View) -> None:
        entry = view.entry(path)
        if entry and not entry.is_folder and metadata.stamp(view, entry) != stamp:
            raise PreconditionFailed(f"{entry.name} has been changed since you listed it; look at it again.")

    return check


def _create(call: Call, wanted: list[FolderInfo] | tuple[FolderInfo, ...], message: str) -> Reply:
    # Everything that is wrong with the request itself, before anything is made.
    planned = [(call.address(each.url), metakeys.changes(each.meta)) for each in wanted]
    for at, changes in planned:
        _make(call, at)
        if changes:
            call.library.change_properties(at.path, changes, call.caller)
    made = metadata.describe(call, [at.path for at, _ in planned])
    return Reply([("urldirs", [metadata.info(call, each) for each in made.values()])], message)


def _make(call: Call, at: Address) -> None:
    try:
        call.library.make_folder(at, call.caller)
    except Exists as error:
        with suppress(Forbidden, NotFound):
            if call.library.is_folder(at.path):
                raise refusals.Refused(msnumbers.FOLDER_EXISTS, "There is a folder of this name already.") from error
        raise


METHODS: dict[str, Operation] = {
    "move document": move_document,
    "remove documents": remove_documents,
    "create url-directory": create_directory,
    "create url-directories": create_directories,
}
