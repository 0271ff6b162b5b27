"""Several workers and one pile of notices: each leaves once, whoever posts it, and none is left behind."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from django.db import connections

from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.notices.models import Notice
from chaveiro.console.notice_letters import post_owed
from chaveiro.rules.outbox import Message
from tests.cast import means
from tests.console.notice_scene import ENDS, build_scene

DAY = ENDS - timedelta(days=30)
WORKERS, NOTICES = 6, 60


class Counting(MemoryPostOffice):
    """A post office whose counter all workers share."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[Message] = []

    def post(self, message: Message) -> str:
        self.handed.append(message)
        return super().post(message)


def test_six_workers_on_sixty_notices_post_each_of_them_once(real_database: str) -> None:
    del real_database
    scene = build_scene()
    for number in range(NOTICES):
        scene.owe("ends-30", term=scene.subscription.term, recipient=f"account:{scene.admit(f'P{number}').id}")
    office, start = Counting(), threading.Barrier(WORKERS)
    desk = replace(scene.desk, office=office, means=lambda: means(DAY))

    def work() -> None:
        start.wait()
        while post_owed(desk, day=DAY, limit=20):
            pass
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left = Counter(message.letter for message in office.handed)
    assert len(left) == NOTICES
    assert set(left.values()) == {1}
    assert set(Notice.objects.values_list("state", "attempts")) == {("accepted", 1)}
