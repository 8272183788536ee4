"""Looking after a served folder: what a crash has left, what was kept for its time, what is not as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from davlock.checks import Finding, Inspection, Progress
from davlock.documents import Reserve, Temporary, Tree
from davlock.drafts import Drafts
from davlock.identities import Identities
from davlock.journal import Journal
from davlock.policy import Policy
from davlock.versions import Versions


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Recovers at the start, forgets now and then, checks when somebody asks."""

    journal: Journal
    tree: Tree
    identities: Identities
    versions: Versions
    drafts: Drafts
    temporary: Temporary
    reserve: Reserve
    policy: Policy

    def recover(self) -> list[str]:
        """Settles what processes that died have left; returns what was done, in sentences. Serve only afterwards."""
        done = self.journal.recover()
        self.reserve.keep()
        return done

    def forget(self) -> None:
        """Forgets what was kept for its time. To be done now and then."""
        with self.journal.deciding() as rows:
            self.versions.forget(rows)
            self.drafts.forget(rows)
            rows.forget_history(rows.now - self.policy.history_seconds)
            rows.forget_events(rows.now - self.policy.event_seconds)
            now = rows.now
        self.drafts.shelf.clear_aside(now - self.policy.draft_seconds)
        self.temporary.forget(now)

    def tidy(self) -> list[str]:
        """Forgets what was kept for its time, and looks through all drafts and versions; nobody else can decide anything meanwhile.

        Returns the files of versions and drafts that nothing names, such as after a crash, and that were set aside.
        """
        self.forget()
        with self.journal.deciding() as rows:
            self.identities.adopt(rows)
        with self.journal.deciding() as rows:
            return self.versions.sweep(rows) + self.drafts.sweep(rows)

    def check(self, progress: Progress = lambda todo, done: None) -> Iterator[Finding]:
        """Verifies documents, versions, drafts, locks and journal, and repairs what can be.

        progress is told how many bytes there are to read, and then how many more have been.
        """
        return Inspection(self.journal.state, self.tree, self.journal, self.identities, self.versions, self.drafts).run(progress)
