"""What the types of the wire can hold, for hypothesis."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from davlock.fprpc import values
from davlock.fprpc.values import DocInfo, FolderInfo, MetaValue

untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For every test: how fast the machine is today is no matter of the product."""

# Half of it the characters that mean something on the wire. NUL cannot travel at all.
texts = st.text(
    st.sampled_from("[];=\\{}|&#<>\"'% +\r\n\t") | st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20
)
ints = st.integers(values.INT_MIN, values.INT_MAX)
moments = st.integers(-62_135_596_800, 253_402_300_799)
accesses: st.SearchStrategy[values.Access] = st.sampled_from(["R", "W", "X"])

metas: st.SearchStrategy[MetaValue] = st.one_of(
    st.builds(values.string, texts, accesses),
    st.builds(values.integer, ints, accesses),
    st.builds(values.boolean, st.booleans(), accesses),
    st.builds(values.moment, moments, accesses),
    st.builds(values.double, st.floats(allow_nan=False, allow_infinity=False), accesses),
    st.builds(values.strings, st.lists(texts), accesses),
    st.builds(values.integers, st.lists(ints), accesses),
    st.builds(values.empty, accesses),
    st.builds(MetaValue, st.sampled_from(["L", "F"]), accesses, texts),
)
metadicts = st.dictionaries(texts, metas, max_size=5)
documents = st.builds(DocInfo, texts, metadicts)
folders = st.builds(FolderInfo, texts, metadicts)
