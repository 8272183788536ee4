"""What a client is told of a document or folder: its METADICT, as the caller sees it (MS-FPSE 2.2.4, fprpc.md §e).

    metadata.document(call, path)            → DocInfo of a document that must be there
    metadata.describe(call, paths)           → {path: Described} of whatever stands at these paths, in one reading
    metadata.listing(call, folder)           → Described of each member of a folder, in one reading
    metadata.version(version)                → METADICT of an earlier version
    metadata.stamp(view, entry)              → the vti_timelastmodified of a document, within a decision

The holder of a checkout sees his draft, everybody else what is published.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import InitVar, dataclass, field, replace
from functools import lru_cache

from davlock import paths, rules
from davlock.conditions import Seen, View
from davlock.errors import Forbidden, IsFolder, NotFound
from davlock.fprpc import metakeys
from davlock.fprpc.calls import Call
from davlock.fprpc.values import DocInfo, FolderInfo, MetaDict, MetaValue, boolean, integer, moment, string, strings
from davlock.model import Caller, Change, Document, Draft, Entry, Lock, Version, next_stamp
from davlock.state import Rows

# Of uuid5: a document has the same GUID in every process, and after every restart.
_GUIDS = uuid.UUID("6f2a7b0e-6a0b-5c3e-9d53-0d1b0f7a4c11")


@dataclass(frozen=True, slots=True)
class Described:
    """A document or folder, and what the caller is told of it.

    stamp: its vti_timelastmodified (Unix time). is_plain: it has no locks and no keys of clients, which come and go without a new stamp.
    is_recorded: the state knows it as it is.
    """

    entry: Entry
    meta: MetaDict
    stamp: int
    is_plain: bool
    is_recorded: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What one reading tells: documents, the viewer's drafts and dead properties by path, and locks.

    locks: those that cover any of the paths. now: the state's clock, Unix time.
    """

    viewer: str
    now: float
    documents: Mapping[str, Document]
    drafts: Mapping[str, Draft]
    dead: Mapping[str, Mapping[str, str]]
    locks: InitVar[Iterable[Lock]]
    on: dict[str, list[Lock]] = field(init=False, default_factory=dict)
    deep: list[Lock] = field(init=False, default_factory=list)

    def __post_init__(self, locks: Iterable[Lock]) -> None:
        for lock in {lock.token: lock for lock in locks}.values():
            self.on.setdefault(lock.root, []).append(lock)
            if lock.deep:
                self.deep.append(lock)

    def covering(self, path: str) -> list[Lock]:
        """The locks that cover one of the paths."""
        return [*self.on.get(path, ()), *(lock for lock in self.deep if paths.is_below(path, lock.root))]


def document(call: Call, path: str) -> DocInfo:
    """What the caller is told of the document at a path. Raises NotFound, IsFolder, Forbidden."""
    found = describe(call, [path]).get(path)
    if found and not (found.entry.is_folder or found.is_recorded) and call.library.catalogue.document(path):
        found = describe(call, [path]).get(path)  # what has become of it underneath is its newest version now
    if found is None:
        call.library.look(path, call.caller.principal)
        raise NotFound("There is nothing under this name.")
    if found.entry.is_folder:
        raise IsFolder("This is a folder, not a document.")
    return DocInfo(call.relative(path), found.meta)


def in_view(call: Call, view: View, path: str) -> DocInfo:
    """What the caller is told of the document at a path by a decision that he makes. Raises NotFound."""
    seen = view.seen or Seen(path, view.locks(path), view.drafts.tree.look(path))  # of a draft, its row tells all
    if seen.entry is None:
        raise NotFound("There is nothing under this name.")
    return DocInfo(call.relative(path), _described(seen.entry, _at(call, view.rows, [path], seen)).meta)


def info(call: Call, found: Described) -> DocInfo | FolderInfo:
    """A document or folder as it stands in an answer."""
    kind = FolderInfo if found.entry.is_folder else DocInfo
    return kind(call.relative(found.entry.path), found.meta)


def describe(call: Call, wanted: Iterable[str]) -> dict[str, Described]:
    """What stands at paths, without those where nothing does, or nothing that is served; in the order asked."""
    unique = list(dict.fromkeys(wanted))
    found = _describe(call, unique)
    # A save between the look at the rows and the look at the file: then they fit now.
    again = [path for path, each in found.items() if not (each.is_recorded or each.entry.is_folder)]
    return {**found, **_describe(call, again)} if again else found


def _describe(call: Call, wanted: Sequence[str]) -> dict[str, Described]:
    with call.library.reading() as rows:
        known = _at(call, rows, wanted)
    found = {}
    for path in wanted:
        with suppress(Forbidden):
            if entry := call.library.look(path, call.caller.principal):
                found[path] = _described(entry, known)
    return found


def listing(call: Call, folder: str) -> Iterator[Described]:
    """The members of a folder, in no order; a few queries for all of them. Raises NotFound."""
    with call.library.reading() as rows:
        known = _in_folder(call, rows, folder)
    for entry in call.library.listing(folder, call.caller.principal):
        yield _described(entry, known)


def version(earlier: Version) -> MetaDict:
    """What is told of an earlier version of a document."""
    changed = earlier.changed if earlier.changed is not None else earlier.stamp[2] / 1e9
    return {
        "vti_timelastmodified": moment(int(changed)),
        "vti_filesize": integer(earlier.size),
        **_people(earlier.changed_by),
        "vti_sourcecontrolversion": string(f"V{earlier.number}.0"),
        "vti_sourcecontrolcookie": string("fp_internal"),
    }


def stamp(view: View, entry: Entry) -> int:
    """The vti_timelastmodified (Unix time) of a document as the one whose view it is sees it: the edit stamp (fprpc.md, decided: 6)."""
    draft = view.rows.draft_on(entry.path, view.viewer)
    return _stamp(observed(view.rows.document(entry.path), entry, draft), draft, entry)


def checkout(locks: Iterable[Lock]) -> tuple[Lock, float | None] | None:
    """Of the locks that cover a document: the one that is shown as its checkout, and when that ends (Unix time), if it does.

    A long-term one ends when the short-term one does that its holder has at the same time.
    """
    held = list(locks)
    shown = rules.foremost(held)
    if shown is None:
        return None
    # Beside a long-term one there is nothing of others: so what ends is its holder's.
    ending = rules.foremost(lock for lock in held if lock.expires is not None)
    return shown, ending.expires if ending else None


def _at(call: Call, rows: Rows, wanted: Sequence[str], seen: Seen | None = None) -> Known:
    """seen: what the decision knows of the path, if it is about one."""
    viewer = call.caller.principal
    known = [seen.document] if seen and seen.document else rows.documents_at(wanted)
    documents = {each.path: each for each in known if each.path}
    dead = rows.properties_at(wanted)
    locks = seen.held if seen else call.library.covering(rows, *wanted)
    # There is no draft without a checkout: most documents have none, and need not be asked about.
    own = dict.fromkeys(lock.root for lock in locks if rules.checkout_of(lock.root, viewer, (lock,)))
    drafts = {path: draft for path in own if (draft := rows.draft_on(path, viewer))}
    return Known(viewer, rows.now, documents, drafts, dead, locks)


def _in_folder(call: Call, rows: Rows, folder: str) -> Known:
    viewer = call.caller.principal
    documents = {each.path: each for each in rows.documents_in(folder) if each.path}
    locks = [*call.library.covering(rows, folder), *rows.locks_in(folder)]
    return Known(viewer, rows.now, documents, rows.drafts_in(folder, viewer), rows.properties_in(folder), locks)


def _described(entry: Entry, known: Known) -> Described:
    own = metakeys.kept(known.dead.get(entry.path, {}))
    recorded = known.documents.get(entry.path)
    if entry.is_folder:
        return Described(entry, {**own, **_folder(entry, recorded, known.now)}, entry.modified, not own, recorded is not None)
    draft, locks = known.drafts.get(entry.path), known.covering(entry.path)
    now = observed(recorded, entry, draft)
    changed = _stamp(now, draft, entry)
    meta = {
        "vti_title": string(_title(entry), "W"),
        **own,
        **_content(entry, now, draft, changed),
        **_source_control(entry.path, now, locks, known.viewer),
    }
    return Described(entry, meta, changed, not (own or locks), now is recorded)


def observed(known: Document | None, entry: Entry, draft: Draft | None = None) -> Document:
    """What is known of a document, as it will be recorded when what another program has made of it is seen (Identities.observed).

    draft: whose content the entry shows, if it does: then it tells nothing of the document.
    """
    document = known or Document(0, entry.path)
    if document.stamp == entry.stamp or (draft and known):
        return document
    return replace(
        document,
        version=document.version + 1,
        stamp=entry.stamp,
        created=document.created or entry.created,
        changed=entry.modified_ns / 1e9,
        changed_by="",
        change=zlib.crc32(repr(entry.stamp).encode()),
        stamped=next_stamp(entry.modified, document.stamped),
    )


def _stamp(now: Document, draft: Draft | None, entry: Entry) -> int:
    if draft:
        return draft.stamped
    return entry.modified if now.stamped is None else now.stamped


def _content(entry: Entry, now: Document, draft: Draft | None, changed: int) -> dict[str, MetaValue]:
    change, by = (draft.change, draft.principal) if draft else (now.change, now.changed_by)
    written = draft.saved if draft else now.changed
    guid = _guid(f"document {now.id}" if now.id else f"file {entry.stamp[0]} {entry.path}")
    return {
        "vti_timecreated": moment(int(now.created or entry.created)),
        "vti_timelastmodified": moment(changed),
        "vti_timelastwritten": moment(changed if written is None else int(written)),
        "vti_filesize": integer(draft.size if draft else entry.size),
        "vti_rtag": string(f"rt:{guid}@{change:011}", "W"),
        "vti_etag": string(f'"{{{guid}}},{change}"', "W"),
        **_people(by),
    }


def _people(by: str) -> dict[str, MetaValue]:
    # Who made the first version is not asked: it would be a query for each document.
    return {"vti_author": string(by), "vti_modifiedby": string(by)} if by else {}


@lru_cache(maxsize=4096)
def _guid(name: str) -> str:
    return str(uuid.uuid5(_GUIDS, name)).upper()


def _source_control(path: str, now: Document, locks: Sequence[Lock], viewer: str) -> dict[str, MetaValue]:
    meta = {
        # As `put document` would be judged: there are no lock tokens in this protocol.
        "vti_canmaybeedit": boolean(not (locks and rules.blockers(Change(path), Caller(viewer), locks)), "X"),
        "vti_sourcecontrolversion": string(f"V{max(now.version, 1)}.0"),
        "vti_sourcecontrolcookie": string("fp_internal"),
    }
    if standing := checkout(locks):
        lock, ends = standing
        meta["vti_sourcecontrolcheckedoutby"] = string(lock.principal)
        meta["vti_sourcecontroltimecheckedout"] = moment(int(lock.since))
        meta["vti_sourcecontrolmultiuserchkoutby"] = strings(dict.fromkeys([lock.principal, *(each.principal for each in locks)]))
        if ends is not None:
            meta["vti_sourcecontrollockexpires"] = moment(int(ends))
    return meta


def _folder(entry: Entry, document: Document | None, now: float) -> dict[str, MetaValue]:
    created = document.created if document and document.created else entry.created
    return {
        "vti_timecreated": moment(int(created)),
        "vti_timelastmodified": moment(entry.modified),
        # Sent back in folderList: what changes from this second on has a later stamp, or the same.
        "vti_dirlateststamp": moment(int(now), "W"),
        # It may have: to know it, each folder would have to be read.
        "vti_hassubdirs": boolean(True),
        "vti_isbrowsable": boolean(True),
        "vti_isexecutable": boolean(False),
        "vti_isscriptable": boolean(False),
        "vti_ischildweb": boolean(False),
    }


def _title(entry: Entry) -> str:
    return entry.name.rpartition(".")[0] or entry.name
