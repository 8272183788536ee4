"""What the journals of a storm of check-ins prove: what no correct server does.

An author is the only one of his name on his document, so that what he has checked out and drafted follows from his own journal. A
step that broke off happened or did not: both are kept in mind until a later answer tells. What is published, two authors share.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from tests.storm.history import Kill
from tests.storm.journals import STANDSTILL, Edition, Fault, Found, Step

BUSY = {503, 507}
# What can rightly be answered, beside success.
_REFUSALS = {
    "GET": {404},
    "LOOK": {404},
    "HISTORY": {403, 404},  # 403: it has no versions, as it seems for an instant while it is being moved
    "VERSION": set[int](),
    "RESCUED": set[int](),
    "CHECKOUT": {404, 409, 412, 423},
    "PUT": {412, 423},
    "CHECKIN": {403, 404, 409, 412, 423},
    "UNCHECKOUT": {403, 404, 409, 412, 423},
    "AWAY": {404, 423},  # he saves by dance, but does not hold it any more: he has not heard of his own check-in
    "ONTO": {423},
    "SCRATCH": {404},
}
_CHANGES = {"CHECKOUT", "PUT", "CHECKIN", "UNCHECKOUT", "AWAY", "ONTO"}


@dataclass(slots=True)
class Effect:
    """What a step has published or rescued: one of `bodies`. is_sure: that it has; if not, it may have. end: when it surely had."""

    step: Step
    bodies: set[str]
    end: float
    is_sure: bool


@dataclass(frozen=True, slots=True)
class _State:
    """How a document can stand with its author. draft: "" while untouched; away: in the middle of a save by dance.

    happened: numbers of the open steps that happened then.
    """

    holds: bool = False
    draft: str = ""
    away: bool = False
    happened: frozenset[int] = frozenset()

    def after(self, step: Step) -> _State | None:
        """The state after a step that was done; None if it could not be done."""
        if step.kind == "ONTO":
            return replace(self, draft=step.body, away=False) if self.away else None
        if self.away:
            return None
        if step.kind == "CHECKOUT":
            return replace(self, holds=True)
        if step.kind == "PUT":
            return replace(self, draft=step.body) if self.holds else self
        if not self.holds:
            return None
        if step.kind == "CHECKIN" and step.is_done and (step.status == 201) != bool(self.draft):
            return None  # 201 is for a new version, 200 when nothing had been written
        if step.kind == "AWAY":
            return replace(self, away=True)
        return replace(self, holds=step.keep, draft="")

    def agrees(self, step: Step) -> bool:
        """Whether a correct server could answer so."""
        if step.kind == "LOOK":
            return step.holder == step.author if self.holds and not self.away else step.holder != step.author
        if step.kind != "GET":  # refused
            return not self.holds or (self.away and step.kind not in ("AWAY", "ONTO"))
        if step.status == 404:
            return self.away or not self.holds
        return not self.away and self.draft in ("", step.body)


@dataclass(slots=True)
class Replay:
    """The journal of one author, and what follows from it."""

    journal: list[Step]
    faults: list[Fault] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    reads: list[Step] = field(default_factory=list)  # of what is published
    gaps: list[tuple[float, float]] = field(default_factory=list)  # in which the name may be empty, because he saves by dance
    drafts: set[str] = field(default_factory=set)  # in the end, one of them
    _states: set[_State] = field(default_factory=lambda: {_State()})
    _open: dict[int, Effect] = field(default_factory=dict)
    _lasting: list[Effect] = field(default_factory=list)  # that may still come, as far as is known
    _gap: float = math.inf
    _draft: Step | None = None  # the last one that was acknowledged

    def run(self) -> Replay:
        for number, step in enumerate(self.journal):
            if step.status and step.status < 500:
                for effect in self._lasting:
                    effect.end = step.start  # whoever answers has recovered what was killed
                self._lasting.clear()
            if step.kind in _CHANGES:
                self._change(number, step)
            elif step.kind == "HISTORY" and step.is_done:
                self._recall(step)
            if (step.kind in ("GET", "LOOK") and not step.is_open) or (step.kind in _CHANGES and step.status in _REFUSALS[step.kind]):
                self._filter({state for state in self._states if state.agrees(step)}, step)
            if step.kind == "GET" and not step.is_open and not any(_is_own(state, step) for state in self._states):
                self.reads.append(step)
            self._note_gap(step)
        self.drafts = {state.draft for state in self._states}
        if self._gap < math.inf:
            self.gaps.append((self._gap, math.inf))
        return self

    def _change(self, number: int, step: Step) -> None:
        pairs = [(before, after) for before in self._states if (after := before.after(step))]
        effect = self._effect(step, [before for before, _ in pairs])
        if step.is_open and effect and step.kind != "PUT":  # only the author's own state tells later whether it happened
            self._open[number] = effect
            self._states |= {replace(after, happened=after.happened | {number}) for _, after in pairs}
        elif step.is_open:
            self._states |= {after for _, after in pairs}
        elif step.is_done:
            self._filter({after for _, after in pairs}, step)
            if step.kind in ("PUT", "ONTO"):
                self._draft = step

    def _effect(self, step: Step, before: list[_State]) -> Effect | None:
        """What becomes public or is rescued, if the step is done in one of these states."""
        if not (step.is_done or step.is_open):
            return None
        if step.kind == "PUT":
            bodies = {"" if state.holds else step.body for state in before}
        elif step.kind in ("CHECKIN", "UNCHECKOUT"):
            bodies = {state.draft for state in before}
        else:
            return None
        is_sure = step.is_done and "" not in bodies
        if not bodies - {""}:
            return None
        effect = Effect(step, bodies - {""}, step.end if step.status else math.inf, is_sure)
        self.effects.append(effect)
        if not step.status:
            self._lasting.append(effect)
        return effect

    def _recall(self, step: Step) -> None:
        """The list of versions tells which check-ins happened."""
        listed = {comment for _, comment in step.listed}
        for number, effect in list(self._open.items()):
            if effect.step.kind == "CHECKIN":
                happened = effect.step.comment in listed
                self._filter({state for state in self._states if (number in state.happened) == happened}, step)

    def _filter(self, states: set[_State], step: Step) -> None:
        if not states:
            self.faults.append(Fault(*self._wrong(step), tuple(each for each in (self._draft, step) if each)))
            states = {self._believed(step)}
        self._states = states
        for number, effect in list(self._open.items()):
            happened = {number in state.happened for state in states}
            if len(happened) == 1:
                del self._open[number]
                if happened == {True}:
                    effect.is_sure = len(effect.bodies) == 1
                else:
                    self.effects.remove(effect)
        self._states = {replace(state, happened=frozenset(state.happened & self._open.keys())) for state in states}

    def _wrong(self, step: Step) -> tuple[str, str]:
        expected = " or ".join(sorted(map(_told, self._states)))
        if step.kind == "GET":
            return "lost draft" if any(state.draft for state in self._states) else "lost document", f"expected was: {expected}"
        if step.kind == "HISTORY":
            return "lost version", "the list of versions contradicts what was seen before"
        if step.kind == "LOOK":
            return "lost checkout" if any(state.holds for state in self._states) else "phantom checkout", f"expected was: {expected}"
        return ("odd success" if step.is_done else "odd refusal"), f"while it was: {expected}"

    def _believed(self, step: Step) -> _State:
        """How it stands after an answer that could not be: so that one mistake is told once."""
        state = next(iter(self._states))
        if step.kind == "GET":
            return replace(state, draft="", away=step.status == 404)
        if step.kind == "LOOK":
            return _State(step.holder == step.author)
        return _State(step.is_done and (step.keep or step.kind in ("CHECKOUT", "ONTO", "AWAY")), away=step.kind == "AWAY" and step.is_done)

    def _note_gap(self, step: Step) -> None:
        away = any(state.away for state in self._states)
        if away and self._gap == math.inf:
            self._gap = step.start
        elif not away and self._gap < math.inf:
            self.gaps.append((self._gap, step.end))
            self._gap = math.inf


def _is_own(state: _State, step: Step) -> bool:
    """Whether the author sees there what others do not."""
    return state.away if step.status == 404 else bool(state.draft)


def _told(state: _State) -> str:
    if not state.holds:
        return "not checked out"
    return f"checked out, {f'with the draft {state.draft}' if state.draft else 'untouched'}{', away from its name' * state.away}"


def check(journals: Iterable[list[Step]], found: Found, kills: Iterable[Kill] = ()) -> list[Fault]:
    """Everything that is certainly wrong. journals: one of each author of each document, and those of who only reads."""
    replays = [Replay(journal).run() for journal in journals]
    faults = [fault for replay in replays for fault in replay.faults]
    outages = list(kills)
    faults += [fault for replay in replays for step in replay.journal for fault in _bad_answers(step, outages)]
    faults += [fault for replay in replays for fault in _standstills(replay.journal)]
    for document in sorted({step.document for replay in replays for step in replay.journal}):
        theirs = [replay for replay in replays if replay.journal and replay.journal[0].document == document]
        faults += _check_document(document, theirs, found)
    return faults + [Fault("stray file", stray) for stray in found.strays]


def _bad_answers(step: Step, kills: list[Kill]) -> Iterator[Fault]:
    if step.status >= 500 and step.status not in BUSY:
        yield Fault("server error", f"answered {step.status}", (step,))
    elif step.status and not step.is_done and step.status not in _REFUSALS[step.kind] | BUSY:
        yield Fault("odd answer", f"{step.kind} answered {step.status}", (step,))
    if not step.status and not any(kill.began <= step.end and kill.serving >= step.start for kill in kills):
        yield Fault("no answer", "the connection broke although nobody killed the server", (step,))
    if step.fault and step.is_done:
        yield Fault("torn read", step.fault, (step,))


def _standstills(journal: list[Step]) -> Iterator[Fault]:
    """The author has given up."""
    last = journal[-STANDSTILL:]
    if len(last) == STANDSTILL and all(step.status >= 500 for step in last):
        yield Fault("standstill", f"{STANDSTILL} answers in a row were of no use", (last[0], last[-1]))


def _check_document(document: str, replays: list[Replay], found: Found) -> Iterator[Fault]:
    effects = [effect for replay in replays for effect in replay.effects]
    published = [effect for effect in effects if effect.step.kind != "UNCHECKOUT"]
    gaps = [gap for replay in replays for gap in replay.gaps]
    for replay in replays:
        for read in replay.reads:
            yield from _check_read(read, published, gaps)
        yield from _check_history(replay.journal, published)
    versions = sorted((each for each in found.versions if each.document == document), key=lambda each: each.number)
    yield from _check_versions(document, versions, published)
    yield from _check_drafts(document, replays, found)


def _check_read(read: Step, published: list[Effect], gaps: list[tuple[float, float]]) -> Iterator[Fault]:
    """What everybody sees: something that was published, and nothing newer."""
    if read.status == 404:
        if not any(start <= read.end and end >= read.start for start, end in gaps):
            yield Fault("lost document", "nobody had moved it away", (read,))
        return
    sources = [effect for effect in published if read.body in effect.bodies and effect.step.start <= read.end]
    if not sources:
        yield Fault("unpublished", "nobody has published what was read", (read,))
        return
    source = sources[0]
    for newer in published:
        if newer.is_sure and source.end <= newer.step.start and newer.end <= read.start and read.body not in newer.bodies:
            yield Fault("lost publication", "the older one is read", (source.step, newer.step, read))
            return


def _check_history(journal: list[Step], published: list[Effect]) -> Iterator[Fault]:
    own: dict[str, Step] = {}
    bodies = {effect.step.comment: effect.bodies for effect in published if effect.step.comment}
    for step in journal:
        if step.kind == "CHECKIN" and step.is_done and step.comment in bodies:
            own[step.comment] = step
        elif step.kind == "HISTORY" and step.is_done:
            numbers, comments = [number for number, _ in step.listed], Counter(comment for _, comment in step.listed)
            if numbers != list(range(1, len(numbers) + 1)):
                yield Fault("wrong number", f"the versions that are listed: {numbers}", (step,))
            if missing := [each for comment, each in own.items() if comments[comment] != 1]:
                yield Fault("lost version", f"listed {comments[missing[0].comment]} times", (missing[0], step))
        elif step.kind == "VERSION" and step.is_done and step.body not in bodies.get(step.comment, {step.body}):
            yield Fault("wrong version", f"the content of {step.comment!r} should be {bodies[step.comment]}", (step,))


def _check_versions(document: str, versions: list[Edition], published: list[Effect]) -> Iterator[Fault]:
    numbers = [each.number for each in versions]
    if numbers != list(range(1, len(numbers) + 1)):
        yield Fault("wrong number", f"{document} has the versions {numbers}")
    places: dict[int, Effect] = {}
    made = Counter[int]()
    for version in versions:
        sources = [effect for effect in published if version.body in effect.bodies]
        effect = next((each for each in sources if each.step.comment == version.comment), sources[0] if sources else None)
        if version.fault or effect is None:
            yield Fault("half version", f"{version}: {version.fault or 'nobody has published that'}", (effect.step,) if effect else ())
        if effect is None:
            continue
        places[version.number] = effect
        made[id(effect)] += 1
        if version.is_unsigned and effect.step.kind == "PUT" and not effect.is_sure:
            continue  # a plain save that was cut off, and never acknowledged: its bytes count, nobody has signed them
        if version.is_unsigned or (version.comment, version.author) != (effect.step.comment, effect.step.author):
            yield Fault("wrong note", str(version), (effect.step,))
    for effect in published:
        if made[id(effect)] > 1 or (effect.is_sure and not made[id(effect)]):
            yield Fault("lost version" if not made[id(effect)] else "double version", f"found {made[id(effect)]} times", (effect.step,))
    latest = 0.0
    for number in sorted(places, reverse=True):  # none ends before one of a smaller number starts
        effect = places[number]
        if latest and effect.step.start >= latest:
            yield Fault("wrong order", f"version {number} is older than one after it", (effect.step,))
        latest = min(latest or math.inf, effect.end)


def _check_drafts(document: str, replays: list[Replay], found: Found) -> Iterator[Fault]:
    rescued = [each for each in found.rescued if each.document == document]
    standing = [each for each in found.drafts if each.document == document]
    for each in (*rescued, *standing):
        if each.fault:
            yield Fault("half draft", f"{each}")
    left = Counter((each.author, each.body) for each in rescued)
    for replay in replays:
        author = replay.journal[0].author
        following = {id(step): after for step, after in pairwise(replay.journal)}
        for effect in replay.effects:
            if effect.step.kind != "UNCHECKOUT":
                continue
            after = following.get(id(effect.step))
            if after and after.kind == "RESCUED" and after.is_done and after.body not in effect.bodies:
                yield Fault("lost draft", "another one was rescued", (effect.step, after))
            here = [body for body in effect.bodies if left[author, body]]
            if here:
                left[author, here[0]] -= 1
            elif effect.is_sure:
                yield Fault("lost draft", "it was undone and is not among the rescued ones", (effect.step,))
        drafts = {each.body for each in standing if each.author == author} or {""}
        if len(drafts) > 1 or not drafts <= replay.drafts:
            yield Fault("lost draft", f"{author} has in the end {drafts} in {document}; it should be {replay.drafts}")
    for (author, body), number in left.items():
        if number:
            yield Fault("stray draft", f"{document}: {body} of {author} was rescued although it was published, replaced or never sent")
