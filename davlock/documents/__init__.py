"""Bytes on the file system: how a folder is read, how an upload is staged, and how it becomes a document, a draft, a version."""

from davlock.documents.commit import Committer
from davlock.documents.copying import Put
from davlock.documents.drafting import Drafting
from davlock.documents.hands import Hands
from davlock.documents.reserve import Reserve
from davlock.documents.shelf import Shelf
from davlock.documents.staging import Staged, Staging
from davlock.documents.temporary import Temporary
from davlock.documents.tree import Tree, readable

__all__ = ["Committer", "Drafting", "Hands", "Put", "Reserve", "Shelf", "Staged", "Staging", "Temporary", "Tree", "readable"]
