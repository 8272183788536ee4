"""The journal: changes of the folder and of rows that must agree with it, of which a crash leaves all or nothing.

First the intent is written down, then, in a second decision, everything is asked again, renamed and settled. If the process
dies between the rename and the commit, whoever decides next finds the intent, sees that the rename has happened and settles it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from davlock.documents import Hands, Staging
from davlock.errors import DavlockError, Unavailable
from davlock.model import Intent
from davlock.state import Rows, State

ATTEMPTS = 8  # a target that appears and vanishes between the two decisions, again and again

Plan = Callable[[Rows, str], Intent]
Settle = Callable[[Rows, Intent], None]


@dataclass(frozen=True, slots=True)
class Operation:
    """How intents of one kind are carried out on the disk, and settled: the rows made to say what the renames have done.

    repeats: whether one that replaces nothing can be settled once more, after a power cut, from the intent and what stands on the disk.
    """

    hands: Hands
    settle: Settle
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Journal:
    """operations: by the kind of intent."""

    state: State
    staging: Staging
    operations: Mapping[str, Operation]
    underway: set[str] = field(default_factory=set)  # intents that this process has in the journal

    @contextmanager
    def deciding(self, mine: str = "") -> Iterator[Rows]:
        """A decision, on a folder and rows that belong together: what a dead process left between them is settled first.

        mine: the intent that is carried out by this very decision, if any.
        """
        with self.state.deciding() as rows:
            found = _others(rows, mine)
            settled = self._settle_begun(rows, found)
            waiting = _others(rows, mine) if found else []
            yield rows
            for intent in waiting:
                # What another one was about to do has just been done by this decision: nobody may settle it once more.
                if self._hands(intent).has_begun(intent):
                    rows.remove_intent(intent.id)
        for intent in settled:
            self._hands(intent).tidy(intent)

    def recover(self) -> list[str]:
        """Settles or forgets what dead processes left, and removes their files. Returns what was done, in sentences."""
        with self.state.deciding() as rows:
            before = {intent.id: intent for intent in rows.intents()}
            settled = {intent.id for intent in self._settle_begun(rows, before.values())}
            expected = {intent.id for intent in rows.intents()}
            trashed = [name for name in self.staging.trashed() if name.partition(".")[0] not in expected]
        done = [
            f"completed an interrupted {intent.kind} of {intent.source or intent.target}"
            if id in settled
            else f"dropped an interrupted {intent.kind} of {intent.source or intent.target}"
            for id, intent in before.items()
            if id not in expected
        ]
        return done + [f"removed {left}" for left in self.staging.sweep(trashed)]

    def carry_out(self, plan: Plan, then: Callable[[Rows], None] | None = None) -> Intent:
        """Does what plan() finds to be done: it is asked twice, and raises what forbids it. Raises Unavailable.

        then: decided together with it, when it is done; if it raises, nothing is.
        """
        for _ in range(ATTEMPTS):
            with suppress(_Changed):
                with self.noted(plan) as (rows, intent):
                    operation = self.operations[intent.kind]
                    if intent not in rows.intents() or plan(rows, intent.id) != intent:
                        raise _Changed
                    rows.if_undone(operation.hands.carry_out(intent))
                    operation.settle(rows, intent)
                    if then:
                        then(rows)
                    elif operation.repeats and not intent.replaces:
                        rows.spare_sync()
                operation.hands.tidy(intent)
                return intent
        raise Unavailable("Others keep changing what this is about; nothing was changed. Try again.")

    @contextmanager
    def noted(self, plan: Plan) -> Iterator[tuple[Rows, Intent]]:
        """The second decision, after a first one has asked everything and written the intent down."""
        id = uuid.uuid4().hex
        self.underway.add(id)
        try:
            with self.deciding() as rows:
                intent = plan(rows, id)
                rows.add_intent(intent)
            with self.deciding(mine=id) as rows:
                # After a crash, nobody could tell any more from the folder how far this had got if others followed it.
                rows.commit_at_once()
                yield rows, intent
                rows.remove_intent(id)
        except BaseException:
            self._forget(id)
            raise
        finally:
            self.underway.discard(id)

    def _hands(self, intent: Intent) -> Hands:
        return self.operations[intent.kind].hands

    def _forget(self, id: str) -> None:
        """Takes an intent that has failed out of the journal, unless its undoing failed too: then it is settled, as it has happened."""
        with suppress(DavlockError), self.state.deciding() as rows:
            for intent in rows.intents():
                if intent.id == id and not self._hands(intent).has_begun(intent):
                    rows.remove_intent(id)

    def _settle_begun(self, rows: Rows, found: Iterable[Intent]) -> list[Intent]:
        """Settles what has begun and is not settled, and forgets what dead processes have not begun. Returns what is done now."""
        done: dict[tuple[str, ...], Intent] = {}
        for intent in found:
            hands = self._hands(intent)
            if hands.has_begun(intent):
                # Two processes may have died over one and the same: it is settled once.
                same = (intent.kind, intent.source, intent.target)
                if same not in done and hands.finish(intent):
                    self.operations[intent.kind].settle(rows, intent)
                    done[same] = intent
                rows.remove_intent(intent.id)
            elif not self._is_underway(intent):
                rows.remove_intent(intent.id)
        return list(done.values())

    def _is_underway(self, intent: Intent) -> bool:
        if intent.owner == self.staging.home.name:
            return intent.id in self.underway
        return self.staging.is_alive(intent.owner)


def _others(rows: Rows, mine: str) -> list[Intent]:
    return [intent for intent in rows.intents() if intent.id != mine]


class _Changed(Exception):
    """Between the two decisions, what is to be renamed has become something else."""
