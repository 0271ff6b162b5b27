"""Ordering keys: what is asked for, a dry run of it with who must agree, who can open the export, then the order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from chaveiro import wiring
from chaveiro.apps.catalog import queries as catalog
from chaveiro.apps.catalog.queries import Product
from chaveiro.apps.channel import queries as channel
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.keys import actions, queries
from chaveiro.apps.keys.actions.planning import check_order
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Actor
from chaveiro.rules.batches import KEYS_ALONE_AT_MOST, Kind, Order, Span, approval_at_once
from chaveiro.rules.errors import Malformed, NotFound, Refusal
from chaveiro.rules.exports import PASSPHRASE_BYTES, Lock, suggested_passphrase
from chaveiro.rules.openings import Missing
from chaveiro.rules.verdicts import Fault, Refusals
from chaveiro.web.desk.batches import carries, countries
from chaveiro.web.desk.forms import day, keeps_language, typed, whole
from chaveiro.web.guards import operators_only
from chaveiro.web.moving import see_other
from chaveiro.web.pages import Problem, language, page, problem, problems_at
from chaveiro.wording import figures

FIELDS = ("product", "count", "seats", "months", "last_day", "holder", "kind", "cards")
LOCKS = ("suggested", "passphrase", "recipient")
PLACES = {
    "/seats": "#seats",
    "/months": "#months",
    "/count": "#count",
    "/countries/*": "#countries",
    "/activate_before": "#last_day",
    "/holder": "#holder",
    "/product": "#product",
    "/cards": "#cards",
}


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@keeps_language
def order(request: Any) -> HttpResponse:
    """The form; sent, the dry run with the question who can open the export; sent again, the order."""
    with acting(request.actor):
        products = [each for each in catalog.products() if each.retired_at is None]
        holders = channel.holders()
    form = _form(request)
    product = next((each for each in products if each.code == form["product"]), None)
    if product is None:
        return page(request, "desk/order_product.html", {"products": products})
    context = _context(form, product, holders)
    wants = request.POST.get("do", "")
    if (not request.sent and wants != "check") or wants in ("", "back"):
        return page(request, "desk/order.html", context)
    try:
        wanted = _order(form, product)
        with acting(request.actor):
            check_order(actor=request.actor, order=wanted, means=wiring.means())
    except Refusals as refused:
        return page(request, "desk/order.html", context, status=422, problems=problems_at(refused.faults, PLACES))
    except Refusal as refused:
        at = "holder" if refused.code == "holder_refused" else "product"
        return page(request, "desk/order.html", context, status=422, problems=[problem(at, refused)])
    if request.sent and wants == "order":
        return _place(request, wanted, product, context)
    return page(request, "desk/order_check.html", _checked(request, wanted, product, context))


def _place(request: Any, wanted: Order, product: Product, context: dict[str, Any]) -> HttpResponse:
    lock, problems = lock_of(request, needed=wanted.kind is Kind.BEARER)
    if problems:
        told = _checked(request, wanted, product, context)
        return page(request, "desk/order_check.html", told, status=422, problems=problems)
    batch = _uuid(request.POST.get("token", "")) or wiring.new_id()
    try:
        operation = _begin(request.actor, wanted, lock, batch)
    except IntegrityError:
        # The same form was sent twice: what the first one ordered is what there is.
        operation = _begun(request.actor, batch)
    return see_other(f"/desk/operations/{identifiers.write('operation', operation)}")


def _begin(actor: Actor, wanted: Order, lock: Lock | None, batch: UUID) -> UUID:
    means = wiring.means()
    with acting(actor):
        planned = actions.plan_batch(actor=actor, order=wanted, house=wiring.house(), means=means, batch=batch)
        return actions.begin_mint(
            actor=actor, batch=planned, lock=lock, vault=wiring.vault(), locksmith=wiring.locksmith(), means=means
        )


def _begun(actor: Actor, batch: UUID) -> UUID:
    with acting(actor):
        work = queries.mint_of(batch)
    if work is None:
        raise NotFound(what="operation")
    return work.id


def lock_of(request: Any, *, needed: bool) -> tuple[Lock | None, list[Problem]]:
    """Who can open the export, as it was chosen; or what is wrong with it, at its field."""
    if not needed:
        return None, []
    chosen, sent = request.POST.get("lock", ""), typed(request, ("recipient", "suggestion"))
    passphrase, again = request.POST.get("passphrase", ""), request.POST.get("passphrase_again", "")
    try:
        if chosen not in LOCKS:
            raise Missing(field="lock")
        if chosen == "recipient":
            lock = Lock(recipient=sent["recipient"] or "-")
        elif chosen == "suggested":
            lock = Lock(passphrase=sent["suggestion"] or "-")
        elif passphrase != again:
            raise Malformed(field="passphrase_again", reason="is not the same")
        else:
            lock = Lock(passphrase=passphrase or "-")
        wiring.locksmith().check(lock)
    except (Missing, Malformed) as refused:
        return None, [problem(refused.facts["field"], refused)]
    return lock, []


def lock_context(request: Any) -> dict[str, Any]:
    """What the question who can open the export shows: what was chosen, and a passphrase that is suggested."""
    suggestion = request.POST.get("suggestion", "")[:100]
    return {
        "lock": request.POST.get("lock", ""),
        "recipient": request.POST.get("recipient", "").strip()[:500],
        "suggestion": suggestion or suggested_passphrase(wiring.means().random_bytes(PASSPHRASE_BYTES)),
        "locks": [
            ("suggested", _("The passphrase suggested below"), _("Write it down now: it is not shown again.")),
            ("passphrase", _("A passphrase of your own"), _("From 12 characters on.")),
            ("recipient", _("An age public key"), _("Only who has its secret key can open the export.")),
        ],
    }


def _form(request: Any) -> dict[str, Any]:
    if request.method == "POST":
        form: dict[str, Any] = typed(request, FIELDS)
        form["countries"] = [code for code in request.POST.getlist("countries") if len(code) == 2][:300]
        return form
    blank: dict[str, Any] = dict.fromkeys(FIELDS, "")
    given = {name: request.GET.get(name, "")[:40] for name in ("product", "count", "seats", "months")}
    return blank | given | {"countries": [], "kind": Kind.BEARER.value}


def _context(form: Mapping[str, Any], product: Product, holders: list[channel.Holder]) -> dict[str, Any]:
    return {
        "form": form,
        "product": product,
        "countries": _markets(product, form["countries"]),
        "holders": [(str(each.id), each.name) for each in holders],
        "kinds": [
            (
                Kind.BEARER.value,
                _("With secrets"),
                _("A key is made for each serial number; whoever has it can redeem it."),
            ),
            (Kind.BOOK.value, _("Without secrets"), _("No key is made; the holder redeems by serial number.")),
        ],
    }


def _markets(product: Product, chosen: list[str]) -> list[tuple[str, str, bool]]:
    """The countries where a product is sold, in the order of the reader's language, and which were chosen."""
    return [(code, name, code in chosen) for code, name in figures(language()).countries() if code in product.markets]


def _order(form: Mapping[str, Any], product: Product) -> Order:
    """What was asked for. Raises Refusals for what no order can hold."""
    try:
        last_day = day("activate_before", form["last_day"])
    except Malformed as fault:
        raise Refusals((Fault("/activate_before", fault),)) from None
    return Order(
        product=product.code,
        seats=whole(form["seats"]),
        months=whole(form["months"]),
        quantity=whole(form["count"]),
        countries=tuple(form["countries"]),
        # People name the last day on which a key is good; the rules the first on which it is not.
        activate_before=None if last_day in (None, date.max) else last_day + timedelta(days=1),
        holder=_uuid(form["holder"]),
        kind=Kind(form["kind"]) if form["kind"] in set(Kind) else Kind.BEARER,
        cards=bool(form["cards"]),
    )


def _checked(request: Any, wanted: Order, product: Product, context: dict[str, Any]) -> dict[str, Any]:
    """What the dry run shows: the order in words, what it is worth, who must agree, what will happen."""
    write = figures(language())
    with acting(request.actor):
        first = queries.next_serial()
        holder = channel.card(organisation=wanted.holder or channel.vendor())
    agreed = approval_at_once(wanted.quantity, wiring.house(), wiring.now()) is not None
    last = write.last_day(wanted.activate_before) if wanted.activate_before else ""
    worth = _("%(months)s licence-months") % {"months": write.number(wanted.quantity * wanted.seats * wanted.months)}
    rows = [
        (_("Product"), product.names.get(language().partition("-")[0], product.code)),
        (_("Keys"), write.number(wanted.quantity)),
        (_("Each key carries"), carries(wanted.seats, wanted.months)),
        (_("All keys together"), worth),
        (_("Countries and regions"), countries(wanted.countries)),
        (_("Redeem by"), _("%(day)s (inclusive)") % {"day": last} if last else _("no last day")),
        (_("Holder"), holder.name),
        (_("Next free serial numbers"), Span(first, first + wanted.quantity - 1).write()),
    ]
    if wanted.cards:
        rows.append((_("Cards"), _("in the export, beside the keys")))
    return {
        **context,
        **lock_context(request),
        "wanted": wanted,
        "rows": [(term, value, "", "") for term, value in rows],
        "needs_second": not agreed,
        "one_person": wiring.house().one_person,
        "alone_at_most": KEYS_ALONE_AT_MOST,
        "with_secrets": wanted.kind is Kind.BEARER,
        "token": request.POST.get("token", "") or str(wiring.new_id()),
        "carried": [(name, context["form"][name]) for name in FIELDS]
        + [("countries", code) for code in context["form"]["countries"]],
    }


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
