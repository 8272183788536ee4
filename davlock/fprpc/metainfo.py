"""getDocsMetaInfo, setDocsMetaInfo (MC-FPSEWM 3.1.5.3.16; fprpc.md §d)."""

from __future__ import annotations

from collections.abc import Sequence

from davlock.errors import DavlockError, Unavailable
from davlock.fprpc import metadata, metakeys
from davlock.fprpc.brackets import parse_metadicts, parse_vector
from davlock.fprpc.calls import Call, Operation, Reply
from davlock.fprpc.packets import Value
from davlock.fprpc.values import DocInfo, FolderInfo, Malformed, MetaDict


def get_meta_info(call: Call) -> Reply:
    """What is known of documents and folders; those that are not there, or cannot be, are told as failed. Without any: of the site."""
    urls = call.command.get("url_list", parse_vector, ()) or ("",)
    asked: dict[str, str] = {}
    failed = []
    for url in urls:
        try:
            asked.setdefault(call.address(url).path, url)
        except DavlockError:
            failed.append(url)
    return Reply(_described(call, asked, failed))


def set_meta_info(call: Call) -> Reply:
    """Keeps keys of documents and folders, each url of url_list with the METADICT at the same place in metaInfoList.

    With errorFlags=KeepGoing those that are refused are told as failed; else the first one ends it, and those before it stay.
    Raises Malformed, and without KeepGoing NotFound, Locked, TooLarge.
    """
    urls = call.command.require("url_list", parse_vector)
    given = call.command.require("metaInfoList", parse_metadicts)
    if len(urls) != len(given):
        raise Malformed("url_list and metaInfoList must have the same number of items.")
    goes_on = call.command.get("errorFlags", _parse_goes_on, False)
    done: dict[str, str] = {}
    failed = []
    for url, meta in zip(urls, given, strict=True):
        try:
            done[_keep(call, url, meta)] = url
        except Unavailable:
            raise
        except DavlockError:
            if not goes_on:
                raise
            failed.append(url)
    return Reply(_described(call, done, failed))


def _keep(call: Call, url: str, meta: MetaDict) -> str:
    """Keeps keys of a document or folder; returns its path."""
    path = call.address(url).path
    call.library.change_properties(path, metakeys.changes(meta), call.caller)
    return path


def _described(call: Call, asked: dict[str, str], failed: Sequence[str]) -> Sequence[tuple[str, Value]]:
    """asked: path → url as it was sent. failed: further urls."""
    found = metadata.describe(call, asked)
    infos = [metadata.info(call, each) for each in found.values()]
    folders = [each for each in infos if isinstance(each, FolderInfo)]
    values: list[tuple[str, Value]] = [("document_list", [each for each in infos if isinstance(each, DocInfo)])]
    if folders:
        values.append(("urldirs", folders))
    return [*values, ("failedUrls", [*failed, *(url for path, url in asked.items() if path not in found)])]


def _parse_goes_on(text: str) -> bool:
    match text.lower():
        case "keepgoing":
            return True
        case "stoponfirst":
            return False
    raise Malformed("It must be KeepGoing or StopOnFirst.")


METHODS: dict[str, Operation] = {"getDocsMetaInfo": get_meta_info, "setDocsMetaInfo": set_meta_info}
