"""Products: what is sold and where, published in versions that never change, retired and taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from chaveiro import wiring
from chaveiro.apps.catalog import actions, queries
from chaveiro.apps.catalog.queries import Product
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.journal.queries import StoryFilter
from chaveiro.rules.errors import NotFound
from chaveiro.rules.products import LANGUAGES, Change, Description, ProductExists
from chaveiro.rules.verdicts import Refusals
from chaveiro.web import chronicle
from chaveiro.web.desk.forms import keeps_language, lines, typed, whole
from chaveiro.web.desk.policies import numbers
from chaveiro.web.guards import operators_only
from chaveiro.web.moving import see_other
from chaveiro.web.pages import language, page, problem, problems_at
from chaveiro.web.step_up import stepped_up_to_post
from chaveiro.wording import figures

FIELDS = (
    "code",
    "name_pt",
    "name_en",
    "text_pt",
    "text_en",
    "services",
    "maximum_seats",
    "price_class",
    "policy",
)
PLACES = {
    "/code": "#code",
    "/names/pt": "#name_pt",
    "/names/en": "#name_en",
    "/texts/pt": "#text_pt",
    "/texts/en": "#text_en",
    "/services": "#services",
    "/maximum_seats": "#maximum_seats",
    "/markets": "#markets",
    "/price_class": "#price_class",
}
HISTORY = 10
PORTUGUESE = frozenset({"PT", "BR", "AO", "MZ", "CV", "GW", "ST", "TL", "GQ"})
EUROPEAN = frozenset(
    {"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT"}
    | {"LT", "LU", "LV", "MT", "NL", "PL", "RO", "SE", "SI", "SK", "IS", "LI", "NO", "CH", "GB"}
)


@require_safe
@operators_only
def listing(request: Any) -> HttpResponse:
    """Every product in its newest version."""
    with acting(request.actor):
        found = queries.products()
    return page(request, "desk/products.html", {"products": found})


@require_safe
@operators_only
def one(request: Any, code: str) -> HttpResponse:
    """A product: what it is now, its earlier versions, its policy in words, what was done with it."""
    with acting(request.actor):
        versions = queries.versions(code)
        entries, _following = chronicle.page(request.actor, StoryFilter(subject_id=code), limit=HISTORY)
    newest = versions[0]
    context = {
        "product": newest,
        "rows": [(_label(name), _said(name, value), "", "") for name, value in _facts(newest.description).items()],
        "versions": versions,
        "policy": numbers(newest.policy),
        "entries": entries,
    }
    return page(request, "desk/product.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@keeps_language
def new(request: Any) -> HttpResponse:
    """A new product: described, checked, published."""
    return _describe(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
@keeps_language
def version(request: Any, code: str) -> HttpResponse:
    """A new version of a product: what would change is shown before it is published."""
    with acting(request.actor):
        before = queries.product(code)
    return _describe(request, before)


def _describe(request: Any, before: Product | None) -> HttpResponse:
    with acting(request.actor):
        policies = queries.policies()
    form = _form(request, before)
    context: dict[str, Any] = {
        "form": form,
        "before": before,
        "policies": [(each.name, f"{each.name} ({each.version})") for each in policies],
        "countries": _countries(form["markets"]),
    }
    if not request.sent or request.POST.get("do") == "back":
        return page(request, "desk/product_form.html", context)
    wanted = _description(form, before)
    try:
        wanted.check()
        if before is None:
            _must_be_new(request.actor, wanted.code)
    except Refusals as refused:
        problems = problems_at(refused.faults, PLACES)
        return page(request, "desk/product_form.html", context, status=422, problems=problems)
    except ProductExists as refused:
        return page(request, "desk/product_form.html", context, status=422, problems=[problem("code", refused)])
    if request.POST.get("do") == "publish":
        return _publish(request, wanted, form["policy"])
    newest = {each.name: each for each in policies}.get(form["policy"])
    changes = [*wanted.changes(before.description if before else None)]
    if before is not None and newest is not None and (newest.name, newest.version) != _policy_of(before):
        changes.append(Change("policy", "{} ({})".format(*_policy_of(before)), f"{newest.name} ({newest.version})"))
    context["changes"] = [
        (_label(each.field), _said(each.field, each.before), _said(each.field, each.after)) for each in changes
    ]
    context["carried"] = [(name, form[name]) for name in FIELDS] + [("markets", each) for each in form["markets"]]
    return page(request, "desk/product_check.html", context)


def _publish(request: Any, wanted: Description, policy: str) -> HttpResponse:
    means = wiring.means()
    named = {"policy": policy} if policy else {}
    done = actions.publish_product(actor=request.actor, description=wanted, means=means, **named)
    return see_other(f"/desk/products/{done.code}")


def _must_be_new(actor: Any, code: str) -> None:
    try:
        with acting(actor):
            queries.product(code)
    except NotFound:
        return
    raise ProductExists(product=code)


@require_POST
@operators_only
@stepped_up_to_post
def retire(request: Any, code: str) -> HttpResponse:
    """No further keys of the product are ordered."""
    actions.retire_product(actor=request.actor, code=code, means=wiring.means())
    return see_other(f"/desk/products/{code}")


@require_POST
@operators_only
@stepped_up_to_post
def restore(request: Any, code: str) -> HttpResponse:
    """The product may be ordered again."""
    actions.restore_product(actor=request.actor, code=code, means=wiring.means())
    return see_other(f"/desk/products/{code}")


def _form(request: Any, before: Product | None) -> dict[str, Any]:
    """What the form shows: what was typed, else what the newest version says."""
    if request.method == "POST":
        form: dict[str, Any] = typed(request, FIELDS)
        form["markets"] = [code for code in request.POST.getlist("markets") if len(code) == 2][:300]
        if before is not None:
            form["code"] = before.code
        return form
    if before is None:
        blank: dict[str, Any] = dict.fromkeys(FIELDS, "")
        return blank | {"markets": [], "maximum_seats": "300", "price_class": "standard", "policy": actions.STANDARD}
    return {
        "code": before.code,
        **{f"name_{each}": before.names.get(each, "") for each in LANGUAGES},
        **{f"text_{each}": before.texts.get(each, "") for each in LANGUAGES},
        "services": "\n".join(before.services),
        "maximum_seats": str(before.maximum_seats),
        "price_class": before.price_class,
        "policy": before.policy_name,
        "markets": list(before.markets),
    }


def _description(form: Mapping[str, Any], before: Product | None) -> Description:
    return Description(
        code=before.code if before else form["code"],
        names={each: form[f"name_{each}"] for each in LANGUAGES},
        texts={each: form[f"text_{each}"] for each in LANGUAGES if form[f"text_{each}"]},
        services=lines(form["services"]),
        maximum_seats=whole(form["maximum_seats"]),
        markets=tuple(form["markets"]),
        price_class=form["price_class"],
    )


def _policy_of(product: Product) -> tuple[str, int]:
    return product.policy_name, product.policy_version


def _countries(chosen: list[str]) -> list[dict[str, Any]]:
    """All countries and regions in three groups; one is open where something of it was chosen."""
    every = figures(language()).countries()
    groups = (
        (_("Portuguese-speaking countries and regions"), [each for each in every if each[0] in PORTUGUESE], True),
        (_("Other countries of Europe"), [each for each in every if each[0] in EUROPEAN - PORTUGUESE], True),
        (
            _("All other countries and regions"),
            [each for each in every if each[0] not in EUROPEAN | PORTUGUESE],
            False,
        ),
    )
    return [
        {
            "title": title,
            "countries": [(code, name, code in chosen) for code, name in countries],
            "open": opened or any(code in chosen for code, _name in countries),
        }
        for title, countries, opened in groups
    ]


def _facts(described: Description) -> dict[str, Any]:
    return {
        "names": described.names,
        "texts": described.texts,
        "services": described.services,
        "maximum_seats": described.maximum_seats,
        "markets": described.markets,
        "price_class": described.price_class,
    }


def _label(field: str) -> str:
    return {
        "code": _("Code"),
        "names": _("Name"),
        "texts": _("Text"),
        "services": _("Services included"),
        "maximum_seats": _("Most licences of a subscription"),
        "markets": _("Countries and regions"),
        "price_class": _("Price class"),
        "policy": _("Policy"),
    }[field]


def _said(field: str, value: Any) -> str:
    """A fact of a product in words; – where there is none."""
    write = figures(language())
    if not value:
        return "–"
    if field == "markets":
        return write.joined(sorted(write.country(code) for code in value))
    if field in ("names", "texts"):
        return " · ".join(value[each] for each in LANGUAGES if value.get(each))
    if field == "services":
        return write.joined(value)
    return write.number(value) if isinstance(value, int) else str(value)
