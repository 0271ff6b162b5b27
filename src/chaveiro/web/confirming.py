"""The page on which somebody who is signed in proves to be there: by passkey, by a code, by password, or by mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from chaveiro import wiring
from chaveiro.apps.identity import queries as identity
from chaveiro.apps.identity.actions import acting, challenges, codes, passkeys, security
from chaveiro.apps.identity.actions import sessions as acts
from chaveiro.apps.identity.actions.challenges import About
from chaveiro.rules.errors import Refusal
from chaveiro.rules.factors import CodeRefused, Ways, digits_of, is_confirmed, mailed_code
from chaveiro.rules.limits import TooMany
from chaveiro.rules.sessions import How
from chaveiro.web import accounts, browsers, capsules, passwords
from chaveiro.web.guards import signed_in
from chaveiro.web.languages import remember, switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, page, problem

AFTERWARDS = "/settings/security"
MAILED = "mailed codes"  # the purpose of the secret from which letter and page work a code out


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the page carries from one try to the next: the form that waits, `lost` where it could not be carried."""

    capsule: str = ""
    lost: bool = False
    question: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def confirm(request: Any) -> HttpResponse:
    """Confirm that it is you, then go on to what was wanted."""
    if request.method != "POST":
        return _page(request, Waiting())
    sent = request.POST
    waiting = Waiting(sent.get("capsule", ""), bool(sent.get("lost")), sent.get("question", ""))
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember(_page(request, waiting), language)
    by = sent.get("do", "")
    try:
        if by == "mail":
            return _page(request, replace(waiting, question=_send(request)))
        PROOFS.get(by, _nothing)(request)
    except TooMany:
        raise
    except Refusal as refusal:
        return _page(request, waiting, [problem(FIELDS.get(by, "top"), refusal)])
    security.confirm(actor=request.actor, session=request.sign_in.session, by=by, now=wiring.now())
    form = capsules.unpack(request, waiting.capsule) if waiting.capsule else None
    if form is not None or waiting.lost:
        return page(request, "security/confirmed.html", {"form": form})
    return see_other(accounts.next_of(request) or AFTERWARDS)


@require_POST
@signed_in
def options(request: Any) -> HttpResponse:
    """What the browser is asked for, so that a passkey of this account answers."""
    count(request, "passkeys")
    asked = passkeys.options_to_confirm(actor=request.actor, counter=browsers.counter(request))
    return browsers.options(request, asked)


def is_fresh(request: Any) -> bool:
    """Whether whoever is signed in proved to be there within five minutes.

    Who has nothing but a mailbox proves it by a link as well as by a code: one that was used just now counts.
    """
    here, now = request.sign_in, wiring.now()
    if is_confirmed(here.confirmed_at, now):
        return True
    if here.how is not How.LINK or not is_confirmed(here.started_at, now):
        return False
    with acting(request.actor):
        return _only_mail(identity.ways(request.account.id))


def ask(request: Any, capsule: str) -> HttpResponse:
    """The page that asks, in the place of what a form would have done. `capsule` is "" where it cannot be carried."""
    return _page(request, Waiting(capsule, lost=not capsule))


def _page(request: Any, waiting: Waiting, problems: Sequence[Problem] = ()) -> HttpResponse:
    with acting(request.actor):
        ways = identity.ways(request.account.id)
    context = {
        "ways": ways,
        "by_mail": _only_mail(ways),
        "waiting": waiting,
        "next": accounts.next_of(request),
        "address": _veiled(request.account.email),
    }
    made = page(request, "security/confirm.html", context, status=422 if problems else 200, problems=problems)
    return browsers.hold(request, made)


def _only_mail(ways: Ways) -> bool:
    return not (ways.password or ways.passkeys or ways.one_time_codes)


# --- the proofs ----------------------------------------------------------------------------------------------------


def _by_passkey(request: Any) -> None:
    count(request, "passkeys")
    passkeys.show(actor=request.actor, answer=browsers.answer_in(request), counter=browsers.counter(request))


def _by_code(request: Any) -> None:
    count(request, "codes")
    kit = codes.Codes(wiring.vault(), wiring.authenticator_code, wiring.means())
    codes.enter(actor=request.actor, typed=request.POST.get("code", ""), codes=kit)


def _by_password(request: Any) -> None:
    count(request, "sign_in")
    acts.check_own_password(actor=request.actor, password=passwords.sent(request))


def _by_mail(request: Any) -> None:
    count(request, "codes")
    _only_a_mailbox(request)
    question, browser, means = browsers.question_in(request), browsers.browser_of(request), wiring.means()
    challenges.count_try(question=question, about=About.MAILED_CODE, browser=browser, means=means)
    asked = challenges.look(question=question, about=About.MAILED_CODE, browser=browser, means=means)
    right = mailed_code(wiring.derived_secret(MAILED), challenges.id_of(question).bytes)
    if asked.account is None or asked.account.actor.account != request.account.id:
        raise CodeRefused()
    if not security.same(digits_of(request.POST.get("code", ""), len(right)), right):
        raise CodeRefused()
    challenges.take(question=question, about=About.MAILED_CODE, browser=browser, means=means)


def _only_a_mailbox(request: Any) -> None:
    """Who has something better is asked for that. Raises CodeRefused."""
    with acting(request.actor):
        if not _only_mail(identity.ways(request.account.id)):
            raise CodeRefused()


def _nothing(request: Any) -> None:
    del request
    raise CodeRefused()


PROOFS: Mapping[str, Callable[[Any], None]] = {
    "passkey": _by_passkey,
    "code": _by_code,
    "password": _by_password,
    "mailed": _by_mail,
}
FIELDS = {"code": "code", "password": "password", "mailed": "code"}


def _send(request: Any) -> str:
    """Mail a code to the account's address; answers the question that it is for."""
    _only_a_mailbox(request)
    count(request, "mailed_codes")
    return browsers.written(
        security.mail_code(actor=request.actor, browser=browsers.browser_of(request), means=wiring.means())
    )


def _veiled(address: str) -> str:
    """An address as far as its owner knows it again: `b…@padariasol.example`."""
    local, _at, domain = address.rpartition("@")
    return _("%(first)s…@%(domain)s") % {"first": local[:1], "domain": domain}
