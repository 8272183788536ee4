"""Lists of documents (rest.md §11): what is wanted, in which order, how many, and who holds what."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from davlock.rest.columns import COLUMNS
from tests.rest.conftest import Api, number, stored


@pytest.fixture(scope="module")
def shelf(api: Api) -> str:
    """A folder with a few documents, one of them in a folder below; bob holds one. Its path."""
    root = api.serving.root / "shelf"
    (root / "below").mkdir(parents=True)
    for name, size in (("Alpha.docx", 10), ("beta.docx", 2000), ("it's.txt", 5), ("below/deep.docx", 7)):
        (root / name).write_bytes(b"x" * size)
    (root / "~$Alpha.docx").write_bytes(b"")
    held = stored(api, "/shelf/gamma.docx", b"g" * 30)
    assert api("bob", "POST", f"/Document/{held.id}/Lock?comment=figures")["Success"]
    return "/shelf"


def rows(api: Api, query: str, user: str = "alice") -> list[dict[str, Any]]:
    return api(user, "GET", f"/Document?{query}")["value"]  # type: ignore[no-any-return]


def names(api: Api, query: str) -> list[str]:
    return [row["name"] for row in rows(api, f"path=/shelf&$select=name&{query}")]


def test_the_id_for_a_path(api: Api, folder: Path) -> None:
    (folder / "new one.docx").write_bytes(b"never seen")
    path = f"/{folder.name}/new one.docx"
    (row,) = rows(api, f"path={quote(path)}")
    assert row["documentId"] == number(api, path)
    assert (row["PrimaryKey"], row["name"], row["path"], row["size"]) == (str(row["documentId"]), "new one.docx", path, 10)
    assert rows(api, f"PATH={quote(path)}&$Select=DOCUMENTID")[0]["documentId"] == row["documentId"]


def test_nothing_at_a_path_and_no_such_folder(api: Api) -> None:
    assert rows(api, "path=/nothing.docx") == []
    api.refused(400, "alice", "GET", "/Document?path=/../etc/passwd")
    api.refused(403, "alice", "GET", "/Document?path=/.davlock/state.db")


def test_who_holds_what(api: Api, shelf: str) -> None:
    (row,) = rows(api, "path=/shelf&$filter=checkedOutBy eq 'Bob'".replace(" ", "%20"))
    assert (row["name"], row["checkoutState"], row["checkedOutBy"]) == ("gamma.docx", "CheckedOutOther", "bob")
    assert row["checkedOutAt"].endswith("Z") and row["checkedOutUntil"] is None
    (own,) = rows(api, "path=/shelf/gamma.docx&$select=checkoutState,checkoutComment,checkedOutVia", "bob")
    assert (own["checkoutState"], own["checkoutComment"], own["checkedOutVia"]) == ("CheckedOutOwn", "figures", "rest")
    free = [row for row in rows(api, "path=/shelf&$select=name,checkoutState") if row["checkoutState"] == "NotCheckedOut"]
    assert len(free) == 4


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("name begins 'alp'", ["Alpha.docx"]),
        ("name begins 'alp' or name begins 'b'", ["Alpha.docx", "beta.docx"]),
        ("extension is 'docx' and size gt 25 and size lt 1000", ["gamma.docx"]),
        ("(size lt 6 or size gt 1000) and name notBegins '~'", ["beta.docx", "it's.txt"]),
        ("name eq 'it''s.txt'", ["it's.txt"]),
        ("name contains 'MM'", ["gamma.docx"]),
        ("startswith(name, 'be')", ["beta.docx"]),
        ("endswith(name, '.txt')", ["it's.txt"]),
        ("substringof('mm', name)", ["gamma.docx"]),
        ("size between 8 and 40", ["Alpha.docx", "gamma.docx"]),
        ("size oneOf(10, 30)", ["Alpha.docx", "gamma.docx"]),
        ("size notOneOf(0, 5, 2000)", ["Alpha.docx", "gamma.docx"]),
        ("updatedDate thisYear and name begins 'a'", ["Alpha.docx"]),
        ("updatedDate before '2001-01-01'", []),
        ("updatedDate after 2001-01-01T08:00:00Z and name begins 'a'", ["Alpha.docx"]),
        ("contactId gt 0", []),
        ("checkoutState ne 'NotCheckedOut'", ["gamma.docx"]),
    ],
)
def test_filters(api: Api, shelf: str, condition: str, found: list[str]) -> None:
    assert names(api, f"$filter={quote(condition)}") == found


@pytest.mark.parametrize(
    "condition",
    [
        *("name", "name begins", "name begins 'a", "nonsense eq 1", "size eq 'x'", "size eq １", "size eq 1 size eq 2", "(size eq 1"),
        *(
            "name oneOf()",
            "size between 1",
            "updatedDate before 'soon'",
            "eq",
            "'a' eq name",
        ),
        *("(" * 500, "size eq 1 and " * 400 + "size eq 1", "name begins )"),
    ],
)
def test_filters_that_cannot_be_understood(api: Api, shelf: str, condition: str) -> None:
    told = api.refused(400, "alice", "GET", f"/Document?path=/shelf&$filter={quote(condition)}")
    assert "$filter" in told["ErrorMessage"] or "column" in told["ErrorMessage"]


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("name desc", ["~$Alpha.docx", "it's.txt", "gamma.docx", "beta.docx", "Alpha.docx"]),
        ("size", ["~$Alpha.docx", "it's.txt", "Alpha.docx", "gamma.docx", "beta.docx"]),
        ("extension desc, size desc", ["it's.txt", "beta.docx", "gamma.docx", "Alpha.docx", "~$Alpha.docx"]),
    ],
)
def test_order(api: Api, shelf: str, order: str, found: list[str]) -> None:
    assert names(api, f"$orderBy={quote(order)}") == found
    assert names(api, f"$orderby={quote(order)}") == found


@pytest.mark.parametrize("query", ["$orderBy=nonsense", "$orderBy=name%20sideways", "$top=-1", "$top=x", "$skip=1_0", "$top=99999999999"])
def test_orders_and_pages_that_cannot_be_understood(api: Api, shelf: str, query: str) -> None:
    api.refused(400, "alice", "GET", f"/Document?path=/shelf&{query}")


def test_pages(api: Api, shelf: str) -> None:
    seen, url = [], "/Document?path=/shelf&$select=name&$top=2"
    while url:
        page = api("alice", "GET", url)
        assert len(page["value"]) <= 2
        seen += [row["name"] for row in page["value"]]
        url = (page["odata.nextLink"] or "").partition("/api/v1")[2]
    assert seen == names(api, "")
    assert len(seen) == 5


def test_below_a_folder(api: Api, shelf: str) -> None:
    assert "deep.docx" not in names(api, "")
    assert "deep.docx" in names(api, "deep=true")
    assert "/shelf/below/deep.docx" in [row["path"] for row in rows(api, "$select=path&$top=10000")]


def test_modes_and_what_is_not_known(api: Api, shelf: str) -> None:
    (full,) = rows(api, "path=/shelf/gamma.docx&$mode=Full&$select=name,size")
    assert full["PrimaryKey"] == int(rows(api, "path=/shelf/gamma.docx")[0]["PrimaryKey"])
    assert full["Column"]["name"] == {"RawValue": "gamma.docx", "DisplayValue": "gamma.docx", "LinkHint": "", "TooltipHint": ""}
    (row,) = rows(api, "path=/shelf/gamma.docx&$select=name,associate/name,contactId&$jsonSafe=true")
    assert (row["name"], row["associate_name"], row["contactId"]) == ("gamma.docx", None, None)


def test_what_another_program_removes_and_puts_is_seen(api: Api, folder: Path) -> None:
    (folder / "one.docx").write_bytes(b"1")
    (before,) = rows(api, f"path=/{folder.name}&$select=documentId,name")
    (folder / "one.docx").rename(folder / "two.docx")
    (folder / "link.docx").symlink_to(folder / "two.docx")
    (after,) = rows(api, f"path=/{folder.name}&$select=documentId,name")
    assert (before["name"], after["name"]) == ("one.docx", "two.docx")


@pytest.mark.parametrize("query", ["", f"$select={','.join(COLUMNS)}", "$select=name,checkoutState,checkedOutBy", "$mode=Full"])
def test_a_list_says_of_each_document_what_is_said_of_it_alone(api: Api, folder: Path, query: str) -> None:
    path = f"/{folder.name}"
    for name in ("plain.docx", "his.docx", "drafted.docx", "changed.docx", "a & b \"c\" 'ü' 100%.docx"):
        stored(api, f"{path}/{name}", name.encode())
    (folder / "unknown.docx").write_bytes(b"brought by somebody")
    for spelled in ("\u00fcber.tmp", "u\u0308ber.tmp", "Mu\u0308ll.tmp", *(f"{n}.txt" for n in range(12))):
        (folder / spelled).write_bytes(spelled.encode())
    (folder / "changed.docx").write_bytes(b"changed underneath")
    os.utime(folder / "plain.docx", (981_173_106, 981_173_106))
    assert api("bob", "POST", f"/Document/{number(api, f'{path}/his.docx')}/Lock?comment=he%20said%20%22no%22")["Success"]
    assert api("alice", "POST", f"/Document/{number(api, f'{path}/drafted.docx')}/Lock")["Success"]
    assert api.client("alice").put(f"{path}/drafted.docx", b"longer than before").status == 204
    for user in ("alice", "bob"):
        listed = rows(api, f"path={path}&{query}", user)
        assert len(listed) == 20
        paths = [row["path"] for row in rows(api, f"path={path}&$select=path", user)]
        assert paths == sorted(paths)
        for at, row in zip(paths, listed, strict=True):
            assert rows(api, f"path={quote(at)}&{query}", user) == [row]
    by = {row["name"]: row["updatedBy"] for row in rows(api, f"path={path}&$select=name,updatedBy", "bob")}
    assert {name for name, who in by.items() if who == "alice"} == {"his.docx", "drafted.docx", "a & b \"c\" 'ü' 100%.docx"}
    assert set(by.values()) == {"alice", ""}


def test_a_column_that_is_named_as_what_each_row_has_is_that(api: Api, shelf: str) -> None:
    for row in rows(api, "path=/shelf&$select=PrimaryKey,name,a.b,a_b&$jsonSafe=true"):
        assert list(row) == ["PrimaryKey", "EntityName", "name", "a_b"]
        assert row["PrimaryKey"].isdigit() and row["EntityName"] == "document"


def test_an_empty_folder_has_an_empty_list(api: Api, folder: Path) -> None:
    assert rows(api, f"path=/{folder.name}") == rows(api, f"path=/{folder.name}&$filter=size%20gt%201&$orderBy=size") == []


def test_the_holder_sees_his_draft(api: Api, folder: Path) -> None:
    document = stored(api, f"/{folder.name}/draft.docx", b"one")
    api("alice", "POST", f"/Document/{document.id}/Lock")
    assert api.client("alice").put(document.path, b"longer").status == 204
    assert rows(api, f"path=/{folder.name}&$select=size", "alice")[0]["size"] == 6
    assert rows(api, f"path=/{folder.name}&$select=size", "bob")[0]["size"] == 3
