"""Asking every row of the table as every role about every thing, and what is wrong with the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import transaction

from tests.isolation.asking import Answer, Asker, Rows, address, filled, read
from tests.isolation.table import Row
from tests.isolation.world import ABSENT, OWN, PERSONAL, SIBLING, Ground, Thing, relation

TURNED_AWAY = {401, 403, 404, 405}
REFUSED = TURNED_AWAY | {409, 422}
LED_AWAY = ("/sign-in", "/accounts", "/redeem")
UNAVAILABLE = 503  # a part of the installation that no test has: it says so


@dataclass(slots=True)
class Report:
    """What was asked, and every fault that was found."""

    asked: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    done: set[str] = field(default_factory=set)  # writes that changed something


class Matrix:
    """One world with its askers."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.askers = {role: Asker(role, actor) for role, actor in ground.roles.items()}
        for asker in self.askers.values():
            asker.begin_drafts(ground)
        for kind in ("draft", "api draft"):
            ids = {name: "0" * 12 if name == "tag" else f"dra_{'0' * 32}" for name in ground.things[kind][0].ids}
            ground.things[kind].append(Thing(kind, ABSENT, ids, is_absent=True))
        self.rows = Rows()
        self.before = self.rows.digest()
        self.report = Report()

    def ask(self, table: Iterable[Row]) -> Report:
        """Every row as everybody."""
        for row in table:
            for role in self.askers:
                if row.kind is None:
                    self._nobodys(row, role)
                else:
                    self._somebodys(row, role)
        return self.report

    def _nobodys(self, row: Row, role: str) -> None:
        answer, changed = self._asked(row, role, None)
        self.report.asked[role] += 1
        if role in row.who:
            if answer.status in TURNED_AWAY or _is_fault(answer):
                self._fault(row, role, "-", f"{answer.status} for whoever may")
        elif changed:
            self._fault(row, role, "-", f"{answer.status}, and changed something")
        elif not self._is_away(answer):
            self._fault(row, role, "-", f"{answer.status} for whoever may not")

    @staticmethod
    def _is_away(answer: Answer) -> bool:
        if answer.status == 303:
            led = dict(answer.headers).get("Location", "")
            return any(part in led for part in LED_AWAY)
        return answer.status in REFUSED

    def _somebodys(self, row: Row, role: str) -> None:
        things = self.ground.things[row.kind or ""]
        absent = next(thing for thing in things if thing.is_absent)
        nothing, changed = self._asked(row, role, absent)
        if changed:
            self._fault(row, role, ABSENT, "changed something")
        if _is_fault(nothing):
            self._fault(row, role, ABSENT, str(nothing.status))
        for thing in things:
            if not thing.is_absent:
                self._about(row, role, thing, nothing)

    def _about(self, row: Row, role: str, thing: Thing, nothing: Answer) -> None:
        of = relation(role, self.ground.roles[role], thing)
        may = role in row.who and (of == OWN or (of == SIBLING and row.beside))
        answer, changed = self._asked(row, role, thing)
        self.report.asked[f"{role} {of}"] += 1
        if may and (answer.status in TURNED_AWAY or _is_fault(answer)):
            self._fault(row, role, f"{of} ({thing.name})", f"{answer.status} for whoever may")
        elif role in row.refused and of in (OWN, SIBLING):
            if answer.status not in REFUSED or changed:
                self._fault(row, role, f"{of} ({thing.name})", f"{answer.status} for whoever is refused")
        elif not may and answer != nothing:
            self._fault(row, role, f"{of} ({thing.name})", f"is told from absent: {_difference(answer, nothing)}")
        elif not may and changed:
            self._fault(row, role, f"{of} ({thing.name})", "changed something")

    def _asked(self, row: Row, role: str, thing: Thing | None) -> tuple[Answer, bool]:
        ids = row.given | (thing.ids if thing else {})
        mine = "garagem" if role == "other_partner" else "talho"
        says = self.ground.says | {"mine": self.ground.says[mine]} | ids
        body = filled(row.body, says)
        before = self.rows.touched()
        with transaction.atomic():
            where = address(row.route, ids) + row.query.format_map(ids)
            answer = read(self.askers[role](row.method, where, body, thing), ids)
            changed = self.rows.touched() != before and self.rows.digest() != self.before
            transaction.set_rollback(True)
        if changed:
            self.report.done.add(row.name)
        self._look_for_marks(row, role, thing, answer, str(body))
        return answer, changed

    def _look_for_marks(self, row: Row, role: str, named: Thing | None, answer: Answer, sent: str) -> None:
        """Nobody is told anything of what is foreign to them, whatever they ask for, but what they said themselves."""
        actor, all_of_it = self.ground.roles[role], f"{answer.headers}{answer.body}"
        for things in self.ground.things.values():
            for thing in things:
                of = relation(role, actor, thing)
                if of in (OWN, ABSENT) or (of == SIBLING and thing.kind not in PERSONAL):
                    continue
                told = [mark for mark in thing.marks if mark in all_of_it and mark not in sent]
                if told:
                    about = named.name if named else "-"
                    self._fault(row, role, about, f"tells {of} {thing.kind} of {thing.name}: {told[0]}")

    def _fault(self, row: Row, role: str, of: str, text: str) -> None:
        self.report.faults.append(f"{row.name} as {role}, {of}: {text}")


def _is_fault(answer: Answer) -> bool:
    return answer.status >= 500 and answer.status != UNAVAILABLE


def _difference(one: Answer, other: Answer) -> str:
    if one.status != other.status:
        return f"{one.status} and {other.status}"
    if one.headers != other.headers:
        return str(sorted(set(one.headers) ^ set(other.headers)))[:300]
    place = next(
        (place for place, (a, b) in enumerate(zip(one.body, other.body, strict=False)) if a != b),
        min(len(one.body), len(other.body)),
    )
    return f"…{one.body[place - 40 : place + 60]}… and …{other.body[place - 40 : place + 60]}…"
