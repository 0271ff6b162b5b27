"""The state of the installation: whether it may serve, how deep its queues are, what is wrong, and what to do about it.

Codes, numbers and public names of keys only: no secret is shown, and none is read but to see whether it is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.closing.queries import desk
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.queries import names_of
from chaveiro.apps.journal.queries import latest_checkpoint
from chaveiro.apps.keys.queries import recorded_peppers
from chaveiro.apps.notices import queries as notices
from chaveiro.apps.operations.queries import progresses
from chaveiro.rules.errors import Refusal
from chaveiro.web import health
from chaveiro.web.desk.redemptions import told_letters
from chaveiro.web.guards import operators_only
from chaveiro.web.pages import language, page
from chaveiro.wording import figures
from chaveiro.wording.installation import CURES

OPERATIONS, LETTERS = 20, 20
# From these on something is wrong.
SEALED_LATE_SECONDS, RELAYED_LATE_SECONDS, CLOCK_APART_SECONDS = 5, 60, 2
CHECKPOINT_LATE_SECONDS = 2 * 60 * 60
DISK_LEFT_LEAST = 0.1


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that is looked at: what it is, how it stands, how that is to look, and what to do where it is wrong."""

    title: str
    word: str
    kind: str
    detail: str = ""
    cure: str = ""


@require_safe
@operators_only
def show(request: Any) -> HttpResponse:
    """Everything at once; what is wrong first."""
    reasons = list(health.reasons_against())
    with acting(request.actor):
        depths = {(depth.name, depth.part): depth.value for depth in notices.depths(wiring.now())}
        letters = desk.letters_given_up(LETTERS)
        signs = [*_serving(reasons), *_queues(depths), *_mail(len(letters)), *_journal(depths), *_ground(reasons)]
        people = names_of({each["account"] for each in letters if each["account"]})
        context = {
            "signs": sorted(signs, key=lambda sign: ("bad", "warn", "good", "").index(sign.kind)),
            "wrong": sum(sign.kind == "bad" for sign in signs),
            "names": list(_names()),
            # What a customer takes along of its own data is no matter of the desk.
            "operations": progresses(limit=OPERATIONS, but="data_export"),
            "letters": told_letters([{**each, "state": "failed", "posted_at": None} for each in letters], people),
        }
    return page(request, "desk/state.html", context)


def _good(title: str, detail: str = "") -> Sign:
    return Sign(title, _("in order"), "good", detail)


def _bad(title: str, detail: str, cure: str) -> Sign:
    return Sign(title, _("wrong"), "bad", detail, cure)


def _serving(reasons: list[str]) -> Iterator[Sign]:
    """What `/readyz` asks: each reason against serving, with its cure."""
    titles: Mapping[str, tuple[str, ...]] = {
        _("Database"): ("database_unreachable",),
        _("Walls between customers"): ("walls_open",),
        _("Schema"): ("migrations_missing",),
        _("Peppers of the keys"): ("peppers_missing", "peppers_wrong"),
        _("Signing keys"): ("signing_keys_missing",),
        _("Mail address"): ("mail_address_missing",),
    }
    for title, codes in titles.items():
        found = [code for code in codes if code in reasons]
        yield _bad(title, found[0], str(CURES[found[0]])) if found else _good(title)


def _queues(depths: Mapping[tuple[str, str], float]) -> Iterator[Sign]:
    write = figures(language()).number
    workers = int(depths.get(("workers", ""), 0))
    said = ngettext("%(n)s queue is worked on", "%(n)s queues are worked on", workers) % {"n": write(workers)}
    cure = _("Start one with `chaveiro worker`: without it no letter is posted, no key is made, nothing is sealed.")
    yield _good(_("Workers"), said) if workers else _bad(_("Workers"), _("none shows life"), cure)
    waiting, age = int(depths.get(("owed_effects", ""), 0)), depths.get(("owed_effects_age_seconds", ""), 0.0)
    said = _("%(n)s waiting, the oldest for %(seconds)s seconds") % {"n": write(waiting), "seconds": write(int(age))}
    cure = _("See whether a worker runs, and what it says in its log.")
    yield _good(_("Outbox"), said) if age < RELAYED_LATE_SECONDS else _bad(_("Outbox"), said, cure)
    for name, title, cure in (
        ("jobs", _("Jobs"), _("See the worker’s log for why they failed; `chaveiro doctor` looks at the rest.")),
        ("operations", _("Long operations"), _("They stand below, each with its reason. Begin again what is needed.")),
    ):
        failed = int(depths.get((name, "failed"), 0))
        live = int(sum(value for (of, part), value in depths.items() if of == name and part != "failed"))
        said = _("%(live)s waiting or running, %(failed)s failed") % {"live": write(live), "failed": write(failed)}
        yield Sign(title, _("look"), "warn", said, cure) if failed else _good(title, said)


def _mail(failed: int) -> Iterator[Sign]:
    last = desk.last_letter()
    posted = "" if last is None else figures(language()).instant(last[1], get_current_timezone_name())
    detail = _("none yet") if last is None else f"{posted} · {last[0]}"
    if failed:
        cure = _("Correct the addresses or the mail server; the letters stand below.")
        yield Sign(_("Messages"), _("look"), "warn", detail, cure)
    else:
        yield _good(_("Messages"), detail)


def _journal(depths: Mapping[tuple[str, str], float]) -> Iterator[Sign]:
    write = figures(language())
    sealed = int(depths.get(("journal_sealed_entries", ""), 0))
    age = depths.get(("journal_unsealed_age_seconds", ""), 0.0)
    said = ngettext("%(n)s entry sealed", "%(n)s entries sealed", sealed) % {"n": write.number(sealed)}
    cure = _("The sealer runs in the worker: see whether one runs, and whether a transaction has been open for long.")
    yield _good(_("Journal"), said) if age <= SEALED_LATE_SECONDS else _bad(_("Journal"), said, cure)
    latest = latest_checkpoint()
    if latest is None:
        yield Sign(_("Checkpoint"), _("look"), "warn", _("none yet"), _("The first is signed within an hour."))
        return
    late = (wiring.now() - latest.at).total_seconds() > CHECKPOINT_LATE_SECONDS and latest.size < sealed
    said = write.instant(latest.at, get_current_timezone_name())
    cure = _("The worker signs one each hour in which something happened: see whether one runs.")
    yield _bad(_("Checkpoint"), said, cure) if late else _good(_("Checkpoint"), said)


def _ground(reasons: list[str]) -> Iterator[Sign]:
    """Clock, disk, and what the database takes."""
    write = figures(language())
    at_database, server, size = desk.database_now()
    apart = abs((wiring.now() - at_database).total_seconds())
    said = _("%(seconds)s seconds apart from the database’s") % {"seconds": write.number(int(apart))}
    cure = _("Let both machines follow a time server: days and links depend on their clocks.")
    yield _good(_("Clock"), said) if apart < CLOCK_APART_SECONDS else _bad(_("Clock"), said, cure)
    told = _("PostgreSQL %(version)s, %(megabytes)s MB")
    yield _good(_("Database’s size"), told % {"version": server, "megabytes": write.number(size // 1_000_000)})
    folder = settings.DATA_FOLDER if settings.DATA_FOLDER.exists() else settings.DATA_FOLDER.parent
    disk = shutil.disk_usage(folder)
    said = _("%(free)s GB of %(total)s GB free") % {
        "free": write.number(disk.free // 1_000_000_000),
        "total": write.number(disk.total // 1_000_000_000),
    }
    cure = _("Make room before it is full: a full disk stops the database.")
    scarce = disk.free < disk.total * DISK_LEFT_LEAST
    yield _bad(_("Disk of this process"), said, cure) if scarce else _good(_("Disk of this process"), said)
    missing = health.migrations_missing() if "migrations_missing" in reasons else []
    if missing:
        detail = ", ".join(f"{room} {name}" for room, name in missing[:5])
        yield _bad(_("Migrations to come"), detail, str(CURES["migrations_missing"]))


def _names() -> Iterator[tuple[str, str]]:
    """Version, and the public names of what signs and digests: enough to compare two machines, and no secret."""
    yield _("Version"), _version()
    yield _("Address"), settings.BASE_URL
    yield _("Signing keys"), _or_none(lambda: ", ".join(key["kid"] for key in wiring.keyring().jwks()["keys"]))
    peppers = ", ".join(f"{number} ({mark})" for number, mark in sorted(recorded_peppers().items()))
    yield _("Peppers that made keys"), peppers or _("none yet")
    yield _("Peppers at hand"), _or_none(lambda: ", ".join(str(one.version) for one in wiring.means().digesters))
    yield _("Run by"), _("one person") if settings.ONE_PERSON else _("several people")


def _or_none(read: Callable[[], str]) -> str:
    try:
        return read() or "–"
    except Refusal:
        return "–"


def _version() -> str:
    try:
        return version("chaveiro")
    except PackageNotFoundError:
        return _("a checkout of the source")
