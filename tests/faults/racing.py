"""Clients that all begin at the same moment, each in a thread with a connection of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, connections

from chaveiro.rules.errors import Refusal
from chaveiro.rules.verdicts import Refusals
from tests.faults.asking import AGAIN


def all_at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run each act in a thread with a connection of its own, all begun together; a refusal is an answer."""
    barrier = threading.Barrier(len(acts), timeout=60)
    answers: list[Any] = [None] * len(acts)

    # Whatever is raised is an answer too; the test looks at it in its own thread.
    def run(place: int, act: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            barrier.wait()
            answers[place] = act()
        except BaseException as fault:
            answers[place] = fault
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    strange = [answer for answer in answers if isinstance(answer, BaseException) and not isinstance(answer, Refusal)]
    assert strange == [], "a client was shown a fault instead of an answer"
    return answers


def until_true(act: Callable[[], Any]) -> Any:
    """The act's answer; where it asks to be asked again, it is, as any client would."""
    for _ in range(50):
        try:
            return act()
        except AGAIN:
            time.sleep(0.02)
    return act()


def code_of(answer: Any) -> str:
    """What a client was told, in one word."""
    if isinstance(answer, Refusals):
        return answer.first.code
    return answer.code if isinstance(answer, Refusal) else "done"


def trying(act: Callable[[], Any], over: threading.Event) -> Any:
    """The answer of somebody who goes on trying until it is theirs, and once more after it is over."""
    while True:
        last_time = over.is_set()
        try:
            answer = act()
        except Refusal as refusal:
            answer = refusal
        mine = code_of(answer) == "done" if not isinstance(answer, list) else answer == ["ok"]
        if mine or last_time:
            return answer
