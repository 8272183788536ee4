from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davlock.auth.principals import canonical
from davlock.errors import BadRequest


@pytest.mark.parametrize(
    ("name", "principal"),
    [
        ("alice", "alice"),
        ("Alice", "alice"),
        ("  alice ", "alice"),
        ("\u00a0alice", "alice"),
        ("Alice Smith", "alice smith"),
        ("MÜLLER", "müller"),
        ("Mu\u0308ller", "müller"),
        ("Straße", "strasse"),
        ("ＡＬＩＣＥ", "alice"),
        ("DOMAIN\\alice", "domain\\alice"),
        ("a" * 100, "a" * 100),
    ],
)
def test_all_spellings_of_a_name_are_one_principal(name: str, principal: str) -> None:
    assert canonical(name) == principal


@pytest.mark.parametrize(
    "name",
    ["", " ", "\u3000", "a:b", "a：b", "a\nb", "alice\n", "\talice", "a\x00", "a\x7f", "a\x9bb", "a\u200bb", "a\u202eb",
     "a\u2028b", "a\ud800", "a\ufffe", "a" * 101, "ﷺ" * 10],
)  # fmt: skip
def test_an_impossible_name_is_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        canonical(name)


@given(st.text(max_size=40))
def test_the_spelling_of_a_principal_is_its_own(name: str) -> None:
    try:
        principal = canonical(name)
    except BadRequest:
        return
    assert canonical(principal) == principal
