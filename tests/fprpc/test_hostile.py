"""Bad input, for every parameter of every method: the right refusal, and nothing changed anywhere."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.fprpc.client import escaped
from tests.fprpc.conftest import Packet, Rpc
from tests.fprpc.holding import LONG, SHORT, check_out, folder_of, uncheck
from tests.fprpc.states import held, meta, put
from tests.fprpc.statuses import BAD_URL, MISSING_RIGHT, NAME, SYNTAX
from tests.serving import Serving

# Complete calls, which do something, of methods and their parameters; {document} and {folder} stand for those of the test.
CALLS: list[tuple[str, dict[str, str]]] = [
    ("checkout document", {"document_name": "{document}", "force": "2", "timeout": "10"}),
    ("checkin document", {"document_name": "{document}", "comment": "", "keep_checked_out": "false", "time_checked_out": ""}),
    ("uncheckout document", {"document_name": "{document}", "rlsshortterm": "true", "force": "true", "time_checked_out": ""}),
    ("uncheckout document", {"document_name": "{document}", "rlsshortterm": "false", "force": "true", "time_checked_out": ""}),
    ("get document", {"document_name": "{document}", "get_option": "chkoutExclusive", "timeout": "0", "doc_version": ""}),
    ("get documents", {"url_list": "[{document}]"}),
    ("put document", {"document": "[document_name={document};meta_info=[]]", "put_option": "overwrite", "keep_checked_out": "false"}),
    ("list versions", {"document_name": "{document}"}),
    ("list documents", {
        "initialUrl": "{folder}", "folderList": "[{folder};TX|06 Apr 2006 20:03:02 -0000]", "listFiles": "true", "listFolders": "true",
        "listRecurse": "true", "listIncludeParent": "true", "listHiddenDocs": "true", "listExplorerDocs": "true", "listDerived": "true",
        "listBorders": "true", "listThickets": "true",
    }),
    ("getDocsMetaInfo", {"url_list": "[{document}]"}),
    ("setDocsMetaInfo", {"url_list": "[{document}]", "metaInfoList": "[[vti_title;SW|x]]", "errorFlags": "StopOnFirst"}),
    ("move document", {"oldUrl": "{document}", "newUrl": "{document}.moved", "docopy": "false", "put_option": "none"}),
    ("move document", {"oldUrl": "{document}", "newUrl": "{document}.copy", "docopy": "true", "rename_option": "createdir"}),
    ("remove documents", {"url_list": "[{document}]", "time_tokens": "[]"}),
    ("create url-directory", {"url": "{folder}/new", "meta_info": "[vti_title;SW|x]"}),
    ("create url-directories", {"urldirs": "[[url={folder}/new;meta_info=[]]]"}),
    ("url to web url", {"url": "/{document}"}),
]  # fmt: skip
# Where a path stands in a parameter, as opposed to a name that is told to be without brackets.
PATHS = {
    "document_name": "{}", "oldUrl": "{}", "newUrl": "{}", "url": "{}", "initialUrl": "{}", "url_list": "[{};]",
    "document": "[document_name={};meta_info=[]]", "urldirs": "[[url={};meta_info=[]]]", "folderList": "[{};TX|06 Apr 2006 20:03:02 -0000]",
}  # fmt: skip
EVIL = [
    "../secret.doc", "a/../../secret.doc", "/../secret.doc", "..", "a\\..\\..\\secret.doc", "..\\secret.doc", "%2e%2e/secret.doc",
    "．．/secret.doc", "a/%2fetc", ".davlock/state.db", ".DAVLOCK/state.db", "{folder}/.davlock/x", "_vti_bin/x", "_davlock/versions/1",
    "http://elsewhere.example/a.doc", "x" * 256, "a/" * 101 + "b", "a\x01b", "a\nb", "\x7f",
]  # fmt: skip
NUMBERS = ["2147483648", "-2147483649", "1" * 5000, "ten", "1_0", "+10", " 10", "10 ", "１０", "١٠", "1.5", "0x10", "[1]", "true"]
TRUTHS = ["1", "0", "yes", "truee", " true", "[true]", "ｔrue"]
TIMES = [
    "yesterday",
    "0",
    "31 Feb 2006 00:00:00 -0000",
    "06 Apr 2006 25:00:00 -0000",
    "06 Apr 2006 20:03:02 +0200",
    "06 Apr 99999 20:03:02",
]
BRACKETS = ["[", "]", "[[", "[a;b", "a;b]", "[" * 5000, "[\\", "[a]b", "\\"]
WRONG: dict[str, list[str]] = {
    "force": NUMBERS, "timeout": NUMBERS, "time_checked_out": TIMES, "get_option": ["steal", "3", "[none]"],
    "doc_version": ["V1.5", "latest", "-1", "9" * 5000, "V１.0"], "errorFlags": ["never", "KeepGoing,StopOnFirst"],
    **dict.fromkeys(["keep_checked_out", "rlsshortterm", "docopy", "listFiles", "listFolders", "listRecurse", "listIncludeParent"], TRUTHS),
    **dict.fromkeys(["listHiddenDocs", "listExplorerDocs", "listDerived", "listBorders", "listThickets"], TRUTHS),
    **dict.fromkeys(["url_list", "metaInfoList", "folderList", "urldirs", "meta_info", "document"], BRACKETS),
    "time_tokens": [*BRACKETS, "[yesterday]", "[06 Apr 2006 20:03:02 -0000;06 Apr 2006 20:03:02 -0000]"],
}  # fmt: skip


def those(names: Iterable[str]) -> list[tuple[str, dict[str, str], str]]:
    """The calls that have a parameter of one of these names, with it."""
    return [(method, parameters, name) for method, parameters in CALLS for name in parameters if name in names]


@pytest.fixture
def held_document(rpc: Rpc, document: str) -> str:
    """A document that alice has checked out for long, with a draft, and open: so that there is much to lose."""
    for how in (LONG, SHORT):
        check_out(rpc, "alice", document, **how)
    meta(put(rpc, "alice", document, b"draft"))
    return document


def call(rpc: Rpc, method: str, parameters: dict[str, str], place: str, **other: str) -> Packet:
    """With the document at this place, and other values of some parameters."""
    spelled = {name: value.format(document=place, folder=folder_of(place)) for name, value in parameters.items()}
    filled: dict[str, Any] = {**spelled, **other}
    return rpc("alice", method, payload=b"hostile" if method == "put document" else None, **filled)


def is_refused(answer: Packet) -> bool:
    """All of it, or the only one of its items."""
    failures = [name for name in ("failed_docs", "failed_dirs", "failedUrls") if name in answer.values.pairs]
    return bool(answer.status) or any(answer.values.list(name).lists or answer.values.list(name).texts for name in failures)


@contextmanager
def nothing_changes(serving: Serving) -> Iterator[None]:
    """Neither in the folder that is served, nor beside it, nor in what is known of locks and drafts."""
    secret = serving.root.parent / "secret.doc"
    secret.write_bytes(b"secret")
    before = _files(serving.root.parent), held(serving)
    yield
    assert (_files(serving.root.parent), held(serving)) == before


def _files(top: Path) -> dict[str, tuple[int, ...]]:
    """Everything there, with what changes when it is written."""
    found = [each for each in top.glob("*") if each.name not in ("root", "root.log")]
    found += (each for each in (top / "root").rglob("*") if ".davlock" not in each.parts)
    states = {str(each): each.stat() for each in found}
    return {name: (state.st_ino, state.st_size, state.st_mtime_ns * stat.S_ISREG(state.st_mode)) for name, state in states.items()}


@pytest.mark.parametrize(("method", "parameters", "name"), those(PATHS))
def test_no_path_leads_out(rpc: Rpc, serving: Serving, held_document: str, method: str, parameters: dict[str, str], name: str) -> None:
    for evil in EVIL:
        spelled = evil.format(folder=folder_of(held_document))
        url = PATHS[name].format(escaped(spelled) if "[" in PATHS[name] else spelled)
        with nothing_changes(serving):
            answer = call(rpc, method, parameters, held_document, **{name: url})
        assert is_refused(answer), (evil, answer.raw)
        assert answer.status in (0, SYNTAX, BAD_URL, NAME, MISSING_RIGHT), (evil, answer.raw)
        assert not answer.content


@pytest.mark.parametrize(("method", "parameters", "name"), those(WRONG))
def test_what_is_of_the_wrong_type_is_a_syntax_error(
    rpc: Rpc, serving: Serving, held_document: str, method: str, parameters: dict[str, str], name: str
) -> None:
    wrong = TRUTHS if (method, name) == ("uncheckout document", "force") else WRONG[name]
    with nothing_changes(serving):
        for value in wrong:
            answer = call(rpc, method, parameters, held_document, **{name: value})
            assert answer.status == SYNTAX, (value, answer.raw)
            assert name in answer.message or "same number" in answer.message or "more items" in answer.message


REQUIRED = ["document_name", "document", "oldUrl", "newUrl", "metaInfoList", "urldirs"]


@pytest.mark.parametrize(("method", "parameters", "name"), those(REQUIRED))
def test_what_is_missing_is_a_syntax_error(
    rpc: Rpc, serving: Serving, held_document: str, method: str, parameters: dict[str, str], name: str
) -> None:
    with nothing_changes(serving):
        answer = call(rpc, method, {key: value for key, value in parameters.items() if key != name}, held_document)
    assert (answer.status, answer.message) == (SYNTAX, f"The parameter {name} is missing.")


@pytest.mark.parametrize(("method", "parameters"), [each for each in CALLS if each[0] != "get documents"])
def test_the_calls_are_complete(rpc: Rpc, held_document: str, method: str, parameters: dict[str, str]) -> None:
    """Or what was refused above was so for another reason."""
    if method == "checkin document":
        uncheck(rpc, "alice", held_document)
    answer = call(rpc, method, parameters, held_document)
    assert not is_refused(answer), answer.raw
