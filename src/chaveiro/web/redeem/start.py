"""Where a redemption begins, and where one that was left is taken up again."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from chaveiro import wiring
from chaveiro.apps.redemption.actions import choosing, drafting, resuming
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import redeems
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.errors import NotFound, Refusal
from chaveiro.web.addresses import id_in
from chaveiro.web.languages import remember as remember_language
from chaveiro.web.languages import switch_now, switching
from chaveiro.web.limiting import count
from chaveiro.web.moving import see_other
from chaveiro.web.pages import page, problem
from chaveiro.web.redeem import draft, targets
from chaveiro.web.redeem.draft import Desk, may_redeem, open_desk, remember, unfinished
from chaveiro.web.redeem.journey import where

CODE_LENGTH_AT_MOST = 100
ACTS = ("extend", "add")


@require_safe
def home(request: Any) -> HttpResponse:
    """The start of everything: what this is, and its two doors."""
    return page(request, "start.html", {"unfinished": _unfinished(request), "redeems": redeems(request.actor)})


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: Any) -> HttpResponse:
    """What one needs; a POST opens a draft and leads to its first page.

    `for` names a subscription and `purpose` what shall be done to it, where a page of that subscription leads here.
    """
    may_redeem(request)
    asked = request.POST if request.method == "POST" else request.GET
    choice = choice_of(request.actor, asked.get("for", ""), asked.get("purpose", ""))
    if request.method != "POST":
        context = {
            "unfinished": _unfinished(request),
            "choice": choice,
            "asked": {name: asked.get(name, "") for name in ("for", "purpose")} if choice else {},
            "given_up": "given-up" in request.GET,
            "is_partner": request.actor.kind is Kind.CHANNEL,
            "is_customer": request.actor.kind is Kind.CUSTOMER,
        }
        return page(request, "redeem/start.html", context)
    count(request, "redemptions")
    chosen = {} if choice is None else {**targets.fields_of(choice, request.actor.kind), "target": choice.value}
    begun, code = draft.begin(request, chosen)
    return remember(request, see_other(f"/redeem/{draft.tag_of(begun)}/attest"), begun, code)


def choice_of(actor: Actor, subscription: str, act: str) -> choosing.Choice | None:
    """The subscription that an address names. Raises NotFound when it is not one that this actor could extend."""
    if not subscription:
        return None
    wanted = id_in("subscription", subscription)
    act = act if act in ACTS else ACTS[0]
    found = choosing.choices(actor=actor, draft=wanted, items=(), means=wiring.means(), only=wanted).found
    choice = next((choice for choice in found if choice.act == act), None)
    if choice is None:
        raise NotFound(what="subscription")
    return choice


@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: Any) -> HttpResponse:
    """Take up a redemption by its code, on any device. The code travels in the form, never in an address.

    A script may put it there from behind the `#` of an address, which no browser sends.
    """
    may_redeem(request)
    if request.method != "POST":
        return page(request, "redeem/resume.html", {"unfinished": _unfinished(request)})
    told = {"typed": request.POST.get("code", "")[:CODE_LENGTH_AT_MOST]}
    language = switching(request)
    if language:
        switch_now(request, language)
        return remember_language(page(request, "redeem/resume.html", told), language)
    count(request, "sign_in")
    try:
        code = ResumeCode.read(told["typed"])
        desk = open_desk(drafting.resume(actor=request.actor, code=code), code)
    except Refusal as refusal:
        return page(request, "redeem/resume.html", told, status=422, problems=[problem("code", refusal)])
    return _taken_up(request, desk)


@require_http_methods(["GET", "HEAD", "POST"])
def by_link(request: Any, secret: str) -> HttpResponse:
    """Take up a redemption by the one-time link of a letter: GET shows where it leads, POST uses it up."""
    may_redeem(request)
    now = wiring.now()
    holder, code = resuming.look(actor=request.actor, secret=secret, sealer=wiring.sealer(), now=now)
    desk = open_desk(holder, code)
    if request.method != "POST":
        context = {"for_whom": desk.for_whom, "keys": len(desk.kept.items), "draft_ends": desk.kept.ends_at}
        return page(request, "redeem/by_link.html", context)
    resuming.use(actor=request.actor, secret=secret, now=now)
    return _taken_up(request, desk)


@require_http_methods(["GET", "HEAD", "POST"])
def take_over(request: Any, tag: str) -> HttpResponse:
    """Go on as an account with what was begun at this browser as nobody."""
    may_redeem(request)
    memory = draft.memory_of(request, tag, of_nobody=True)
    if memory is None or request.account is None:
        return see_other("/redeem")
    if request.method != "POST":
        return see_other(f"/redeem/{tag}/keys")
    desk = open_desk(request.actor.holding(memory.draft), memory.code)
    return draft.forget(request, _taken_up(request, desk), tag, of_nobody=True)


def _taken_up(request: Any, desk: Desk) -> HttpResponse:
    """On to the page that is due; whoever takes a draft up says for themselves whom they act for."""
    if desk.kept.state == "open":
        known = draft.own_name(desk.holder)
        if request.account is not None and desk.form.get("attested_at"):
            known["attested_at"] = ""
        if known:
            drafting.keep_form(actor=desk.holder, form=known, means=wiring.means())
            desk = draft.look_again(desk)
    if desk.kept.state == "abandoned":
        return see_other("/redeem")
    return remember(request, see_other(where(desk)), desk.kept.id, desk.code)


@require_http_methods(["GET", "HEAD", "POST"])
def lead_on(request: Any, rest: str = "") -> HttpResponse:
    """Addresses without a draft's tag, as they were once: on to the latest draft of this browser, or to the start."""
    del rest
    memories = draft.memories_of(request)
    desk = draft.desk_of(request, draft.tag_of(memories[0].draft)) if memories else None
    return see_other("/redeem" if desk is None or desk.kept.state == "abandoned" else where(desk))


@require_safe
def lead_to(request: Any, tag: str) -> HttpResponse:
    """The address of a draft alone: on to the page that is due."""
    desk = draft.desk_of(request, tag)
    return see_other(f"/redeem/{tag}/keys" if desk is None else where(desk))


def _unfinished(request: Any) -> list[dict[str, Any]]:
    return [
        {
            "path": f"/redeem/{draft.tag_of(one.id)}",
            "for_whom": one.for_whom,
            "keys": one.keys,
            "ends_at": one.ends_at,
        }
        for one in unfinished(request)
    ]
