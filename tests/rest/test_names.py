"""File names that clients ask for, and what becomes of them."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock import paths
from davlock.errors import BadName
from davlock.rest import names

ANY_NAME = st.text().filter(lambda name: "/" not in name and "\\" not in name)


@given(name=ANY_NAME, folder=st.sampled_from(["/", "/api", "/a"]))
def test_what_is_left_of_a_name_is_one_that_a_document_can_have(name: str, folder: str) -> None:
    found = names.amended(name, folder)
    if found:
        assert paths.parse(paths.join(folder, found)).spelling == found
        assert not paths.is_hidden(found)
        assert len(found) <= names.MAX_NAME
        assert names.amended(found, folder) == found


@given(name=ANY_NAME.filter(bool), taken=st.sets(st.integers(0, 60)))
def test_of_names_that_are_taken_none_is_given(name: str, taken: set[int]) -> None:
    name = names.amended(name, "/") or names.UNNAMED
    theirs = {each for number, each in enumerate(islice(names.free(name, lambda _: False), 61)) if number in taken}
    found = next(names.free(name, theirs.__contains__))
    assert found not in theirs
    assert paths.problem(found) is None


@pytest.mark.parametrize(
    ("name", "numbered"),
    [
        ("a.docx", "a[1].docx"),
        ("a", "a[1]"),
        ("a.tar.gz", "a.tar[1].gz"),
        (".profile", ".profile[1]"),
        ("a. b", "a. b[1]"),
        ("x" * 254, "x" * 251 + "[1]"),
        ("x" * 249 + ".docx", "x" * 246 + "[1].docx"),
        ("ö" * 127, "ö" * 126 + "[1]"),
    ],
)
def test_the_number_is_before_the_extension(name: str, numbered: str) -> None:
    assert next(names.free(name, {name}.__contains__)) == numbered


@pytest.mark.parametrize("first", [1, 2, 3, 7, 8, 9, 100, 5000])
def test_few_names_are_looked_at_to_find_a_free_one(first: int) -> None:
    taken = {"a", *(f"a[{number}]" for number in range(1, first))}
    looked: list[str] = []

    def is_taken(name: str) -> bool:
        looked.append(name)
        return name in taken

    assert list(islice(names.free("a", is_taken), 2)) == [f"a[{first}]", f"a[{first + 1}]"]
    assert len(looked) < 30


@pytest.mark.parametrize("name", ["a/b", "/", "..\\a", "a\\"])
def test_a_path_is_no_name(name: str) -> None:
    with pytest.raises(BadName):
        names.amended(name, "/")
