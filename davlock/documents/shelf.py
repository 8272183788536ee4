"""Shelves in `.davlock`: files that documents have been (kept versions) or will be (drafts), each under a name of its own.

A file here is whole and synced before it gets its name, and is never changed. What no row of the state names is set aside.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from pathlib import Path

from davlock.documents.copying import Put
from davlock.documents.disk import discard, disk_errors, keeps_order, sync_path

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC


class Shelf:
    """One folder of such files. Those that nobody knows are set aside to the folder `rescued`, beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._aside = folder, folder.with_name("rescued")
        self._prefix = f"{folder}/"  # pathlib would be a tenth of what it costs to save a document
        with disk_errors():
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
                sync_path(folder.parent)
            self._keeps_order = keeps_order(folder)

    def file(self, name: str) -> Path:
        """Where a file is, or would be."""
        return self._folder / name

    def look(self, name: str) -> os.stat_result | None:
        """What is known of a file, None if it is not there."""
        with disk_errors():
            try:
                return os.lstat(self._prefix + name)
            except FileNotFoundError:
                return None

    def open(self, name: str) -> int:
        """A descriptor, for the caller to close. Raises NotFound."""
        with disk_errors():
            return os.open(self._prefix + name, _READ)

    def take(self, file: Path, name: str) -> Callable[[], None]:
        """Moves a file onto the shelf; returns what undoes that."""
        with disk_errors():
            os.rename(file, self._prefix + name)
        return lambda: self._put_back(name, file)

    def keep(self, put: Put, name: str) -> Callable[[], None]:
        """Lets put() make a file of this name, a second one of what lies elsewhere; returns what undoes that."""
        self.discard([name])  # left by a decision that a crash has cut off
        with disk_errors():
            put(self._prefix + name)
        return lambda: self.discard([name])

    def discard(self, names: Iterable[str]) -> None:
        """Removes files, those that are still there."""
        for name in names:
            with suppress(OSError):
                os.unlink(self._prefix + name)

    def names(self) -> list[str]:
        """All files."""
        with disk_errors():
            return os.listdir(self._folder)

    def set_aside(self, known: Container[str]) -> list[str]:
        """Moves the files that are not known to the folder beside, where a person may look at them; returns their names.

        Kept, because it may be that not the file is wrong but what is known: an old state that came out of a backup.
        """
        with disk_errors():
            strangers = [name for name in self.names() if name not in known]
            for name in strangers:
                self._aside.mkdir(mode=0o700, exist_ok=True)
                os.rename(self._folder / name, self._aside / f"{self._folder.name}-{name}")
        return [f"{self._folder.name}/{name}" for name in strangers]

    def clear_aside(self, before: float) -> None:
        """Removes what was set aside before that moment (Unix seconds)."""
        with suppress(FileNotFoundError):
            for file in os.scandir(self._aside):
                if file.stat(follow_symlinks=False).st_ctime < before:
                    discard(Path(file.path))

    def sync_in_order(self) -> None:
        """The same, where the sync of another name that was made later has not done it already."""
        if not self._keeps_order:
            self.sync()

    def sync(self) -> None:
        """Makes what was put here survive a power cut."""
        with disk_errors():
            sync_path(self._folder)

    def _put_back(self, name: str, file: Path) -> None:
        with suppress(OSError):
            os.rename(self._prefix + name, file)
