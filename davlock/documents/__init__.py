"""Bytes on the file system: how a folder is read, how an upload is staged, and how it becomes a document."""

from davlock.documents.commit import Committer
from davlock.documents.reserve import Reserve
from davlock.documents.staging import Staged, Staging
from davlock.documents.tree import Tree

__all__ = ["Committer", "Reserve", "Staged", "Staging", "Tree"]
