"""Renewals: what ends when and what has ended, in the steps of the notices; at the desk, and each partner's own."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_safe

from chaveiro import wiring
from chaveiro.apps.catalog.queries import products
from chaveiro.apps.channel.queries import card as partner_card
from chaveiro.apps.closing.queries import renewals as queries
from chaveiro.apps.closing.queries.renewals import Due, Place, Wanted
from chaveiro.apps.delegation import queries as delegation
from chaveiro.apps.identity.actions import acting
from chaveiro.rules import identifiers
from chaveiro.rules.actors import Kind
from chaveiro.rules.errors import NotFound, Refusal
from chaveiro.rules.lifecycle import last_day
from chaveiro.web import renewal_charts
from chaveiro.web.addresses import id_or_none
from chaveiro.web.guards import channel_only, operators_only, signed_in
from chaveiro.web.pages import language, page, problem
from chaveiro.web.spreadsheets import BYTE_ORDER_MARK, cell, csv_file
from chaveiro.web.subscriptions import partner_of
from chaveiro.wording import figures
from chaveiro.wording.papers import named

ROWS = 50
FIELDS = ("bucket", "product", "country", "partner", "paid_by", "test", "sort")
LENGTH_AT_MOST = 60
EVERYBODY = "all"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for: as it stands there, and as it is looked for. What it asks wrongly is left out."""

    typed: dict[str, str]
    wanted: Wanted
    refusal: Refusal | None

    @property
    def query(self) -> str:
        """The same filters as an address has them."""
        return urlencode({name: value for name, value in self.typed.items() if value})


@require_safe
@operators_only
def at_desk(request: Any) -> HttpResponse:
    """Everybody's."""
    return _listing(request, "/desk/renewals")


@require_safe
@channel_only
def of_partner(request: Any) -> HttpResponse:
    """A partner's customers'."""
    return _listing(request, "/renewals")


def _listing(request: Any, path: str) -> HttpResponse:
    actor, means = request.actor, wiring.means()
    with acting(actor):
        asked = asked_of(request)
        after = _after(request.GET.get("after", ""))
        found = _rows(request, asked, after, ROWS + 1)
        context = {
            "rows": _with_partners(found[:ROWS], means.now),
            "steps": queries.steps(asked.wanted, day=means.day).values(),
            "months": renewal_charts.months(asked.wanted, day=means.day, csv=f"/charts/renewals.csv?{asked.query}"),
            "products": [("", _("Everything")), *((one.code, named(one.names, language())) for one in products())],
        }
    more = urlencode({"after": _place(found[ROWS - 1])}) if len(found) > ROWS else ""
    choices = {"countries": [("", _("Everything")), *figures(language()).countries()], **_choices()}
    told = {
        "asked": asked.typed,
        "query": asked.query,
        "path": path,
        "is_desk": actor.kind is Kind.OPERATOR,
        "next": f"?{'&'.join(filter(None, (asked.query, more)))}" if more else "",
        "first": f"?{asked.query}" if after else "",
    }
    problems = [problem("partner", asked.refusal)] if asked.refusal else []
    return page(request, "renewals/list.html", {**context, **choices, **told}, problems=problems)


def _choices() -> dict[str, list[tuple[str, str]]]:
    """What the list can be narrowed to, and sorted by; the usual one of each comes first."""
    usual, other = ("", _("Without test customers")), (EVERYBODY, _("With test customers"))
    if wiring.house().pretence:
        usual, other = ("", other[1]), ("no", usual[1])
    return {
        "paid": [("", _("Everything")), ("key", _("by product key")), ("direct", _("billed directly"))],
        "tests": [usual, ("yes", _("Test customers only")), other],
        "sorts": [
            ("", _("Those that end first")),
            ("-end", _("Those that end last")),
            ("seats", _("Those with most licences")),
        ],
    }


def _rows(request: Any, asked: Asked, after: Place | None, limit: int) -> list[Due]:
    if asked.refusal:
        return []
    organisation = request.actor.organisation if request.actor.kind is Kind.CHANNEL else None
    return queries.renewals(asked.wanted, day=wiring.means().day, organisation=organisation, after=after, limit=limit)


def _with_partners(found: list[Due], now: Any) -> list[dict[str, Any]]:
    beside = delegation.beside({due.card.customer for due in found}, now=now) if found else {}
    return [{"due": due, "partner": partner_of(beside.get(due.card.customer, ()), due.card)} for due in found]


def asked_of(request: Any) -> Asked:
    """The filters of an address. Test customers are left out where customers are real. Call it while acting."""
    typed = {name: request.GET.get(name, "").strip()[:LENGTH_AT_MOST] for name in FIELDS}
    usual = "" if wiring.house().pretence else "no"
    wanted = Wanted(
        bucket=typed["bucket"] if typed["bucket"] in queries.BUCKETS else "",
        product=typed["product"],
        country=typed["country"],
        paid_by=typed["paid_by"],
        test={EVERYBODY: "", "yes": "yes", "no": "no"}.get(typed["test"], usual),
        sort=typed["sort"] if typed["sort"] in queries.SORTS else queries.SORTS[0],
    )
    if not typed["partner"] or request.actor.kind is not Kind.OPERATOR:
        return Asked(typed, wanted, None)
    try:
        return Asked(typed, replace(wanted, partner=partner_card(registration_number=typed["partner"]).id), None)
    except NotFound as refusal:
        return Asked(typed, wanted, refusal)


def _place(due: Due) -> str:
    return f"{due.place.value},{identifiers.write('subscription', due.place.id)}"


def _after(text: str) -> Place | None:
    value, _comma, seen = text.partition(",")
    found = id_or_none("subscription", seen)
    plain = value.isdecimal() or (len(value) == 10 and value.replace("-", "").isdecimal())
    return Place(value, found) if found and plain else None


@require_safe
@signed_in
def months_csv(request: Any) -> HttpResponse:
    """What ends in each month, with the same filters, as a table."""
    with acting(renewal_charts.business(request)):
        chart = renewal_charts.months(asked_of(request).wanted, day=wiring.means().day, csv="")
    return csv_file("renewals-by-month", chart.headings, chart.rows)


@require_safe
@operators_only
def at_desk_csv(request: Any) -> Any:
    """The same list as a table, whole."""
    return _csv(request)


@require_safe
@channel_only
def of_partner_csv(request: Any) -> Any:
    """The same list as a table, whole."""
    return _csv(request)


def _csv(request: Any) -> StreamingHttpResponse:
    """Read and sent some at a time, however long it is."""
    with acting(request.actor):
        asked = asked_of(request)
    content = _lines(request, asked, language())
    response = StreamingHttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="renewals.csv"'
    response["Cache-Control"] = "no-store"
    return response


def _lines(request: Any, asked: Asked, reading: str) -> Iterator[str]:
    """The lines of the file, made after the page's own language and scope have ended: both are taken up anew."""
    with override(reading):
        headings = (
            *(_("Where they stand"), _("Customer"), _("Country or region"), _("Product"), _("Licences assigned")),
            *(_("Licences bought"), _("Last day"), _("Days to the end"), _("Stage"), _("Paid"), _("test")),
            *(_("Customer identifier"), _("Subscription identifier")),
        )
        yield BYTE_ORDER_MARK + _line(headings, reading)
    after: Place | None = None
    while True:
        with acting(request.actor):
            found = _rows(request, asked, after, queries.PORTION_AT_MOST)
        yield "".join(_line(_told(due, reading), reading) for due in found)
        if len(found) < queries.PORTION_AT_MOST:
            return
        after = found[-1].place


def _told(due: Due, reading: str) -> tuple[Any, ...]:
    card = due.card
    return (
        *(due.bucket.value, card.customer_name, card.country, named(card.names, reading), card.assigned, card.seats),
        *(last_day(card.ends_on), card.days_left, card.stage.value, card.paid_by, "1" if due.is_test else "0"),
        identifiers.write("customer", card.customer),
        identifiers.write("subscription", card.id),
    )


def _line(values: tuple[Any, ...], reading: str) -> str:
    text = StringIO()
    csv.writer(text, delimiter="," if reading == "en" else ";").writerow([cell(value) for value in values])
    return text.getvalue()
