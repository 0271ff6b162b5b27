"""Where a redemption begins, and where one that was left is taken up again."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.redemption.actions import drafting
from chaveiro.rules.drafts import CODE_BYTES, ResumeCode
from chaveiro.rules.errors import Refusal
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.redeem.draft import Desk, desk_of, forget, may_redeem, open_desk, remember, with_desk

CODE_LENGTH_AT_MOST = 100


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The start of everything: what this is, and its two doors."""
    return page(request, "start.html", {"unfinished": _unfinished(request)})


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: Any) -> HttpResponse:
    """What one needs; a POST opens a draft and leads to its code."""
    may_redeem(request)
    if request.method != "POST":
        return page(request, "redeem/start.html", {"unfinished": _unfinished(request)})
    count(request, "redemptions")
    means = wiring.means()
    code = ResumeCode.made(means.random_bytes(CODE_BYTES))
    drafting.begin(actor=request.actor, means=means, code=code)
    return remember(see_other("/redeem/code"), code)


@with_desk
def code(request: HttpRequest, desk: Desk) -> HttpResponse:
    """The code that brings one back, to be noted before the first key is typed."""
    told = {"resume_code": desk.code.grouped(), "draft_ends": desk.kept.ends_at}
    return page(request, "redeem/code.html", told)


@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: Any) -> HttpResponse:
    """Take up a redemption by its code, on any device. The code travels in the form, never in an address."""
    may_redeem(request)
    if request.method != "POST":
        return page(request, "redeem/resume.html")
    told = {"typed": request.POST.get("code", "")[:CODE_LENGTH_AT_MOST]}
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember_language(page(request, "redeem/resume.html", told), language)
    count(request, "sign_in")
    try:
        desk = open_desk(request, ResumeCode.read(told["typed"]))
    except Refusal as refusal:
        return page(request, "redeem/resume.html", told, status=422, problems=[problem("code", refusal)])
    return remember(see_other(next_page(desk)), desk.code)


def next_page(desk: Desk) -> str:
    """Where a redemption that was left goes on."""
    if desk.kept.state == "committed":
        return "/redeem/receipt"
    if not desk.kept.items or desk.kept.typed:
        return "/redeem/keys"
    return "/redeem/confirm" if desk.form.get("email") or desk.form.get("subscription") else "/redeem/organisation"


@require_http_methods(["POST"])
def leave(request: HttpRequest) -> HttpResponse:
    """Leave for now, give up, or begin another: nothing, everything, or only this browser's memory goes."""
    desk = desk_of(request)
    if desk is not None and request.POST.get("do") == "abandon" and desk.kept.state == "open":
        drafting.abandon(actor=desk.holder)
    return forget(see_other("/redeem" if request.POST.get("do") == "another" else "/"))


def _unfinished(request: HttpRequest) -> str:
    desk = desk_of(request)
    return next_page(desk) if desk is not None and desk.kept.state == "open" else ""
