"""What each notice of a subscription's life says, sentence by sentence: the same in the mail and in the inbox.

Written by hand for every kind and every reader: the customer's people, its contact address, its partner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from chaveiro.rules.posting import OF_A_BOUNCE, family
from chaveiro.wording.figures import Figures, figures

SOON_DAYS, MONTH_DAYS = 7, 30


class Audience(StrEnum):
    """Who reads a notice."""

    OWN = "own"  # the customer's people, at addresses of their own
    CONTACT = "contact"  # the organisation's contact address
    PARTNER = "partner"  # its partner of record, confirmed or proposed


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a notice is about. `day` is the day on which it is read; `erase_on` is None where no day is named.

    The `failed_…` tell, of a notice about one that did not arrive, whose that was and what was answered.
    """

    kind: str
    audience: Audience
    names: Mapping[str, str]
    customer: str
    day: date
    seats: int
    ends_on: date
    access_stops_on: date
    erase_on: date | None = None
    erased_on: date | None = None
    partner: str = ""
    of_record: bool = False
    failed_name: str = field(default="", repr=False)
    failed_outcome: str = ""
    failed_partner: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A notice in words: what comes first, then what happens on which day, then how it is renewed, and who is told."""

    subject: str
    paragraphs: tuple[str, ...]
    days: tuple[str, ...]
    ways: tuple[str, ...]
    before_link: str
    why: str


def told(about: About, language: str) -> Told:
    """A notice in a language."""
    with override(language):
        write = figures(language)
        product = about.names.get(language.partition("-")[0]) or next(iter(about.names.values()), "")
        names = {"product": product, "customer": about.customer}
        return Told(
            subject=_subject(about, names, write),
            paragraphs=tuple(_paragraphs(about, names, write)),
            days=tuple(_days(about, write)),
            ways=tuple(_ways(about)),
            before_link=_before_link(about),
            why=_why(about, names),
        )


def has_dates(about: About) -> bool:
    """Whether days to come are part of what it says; a calendar file goes with it then."""
    return family(about.kind) in {"ends", "ended", "access_stopped", "erasure"} and about.erased_on is None


# --- the sentences --------------------------------------------------------------------------------------------------


def _subject(about: About, names: Mapping[str, str], write: Figures) -> str:
    if about.kind.startswith(OF_A_BOUNCE):
        return _("%(product)s, %(customer)s: a notice did not arrive") % names
    days = (about.ends_on - about.day).days
    match family(about.kind):
        case "ends" if days > 1:
            return _("%(product)s, %(customer)s: expires in %(days)s days") % {**names, "days": days}
        case "ends":
            return _("%(product)s, %(customer)s: today is the last day") % names
        case "ended":
            last = write.last_day(about.access_stops_on)
            return _("%(product)s, %(customer)s: expired; in use until %(last)s") % {**names, "last": last}
        case "access_stopped":
            return _("%(product)s, %(customer)s: access has stopped; the data are kept") % names
        case "erasure":
            return _("%(product)s, %(customer)s: the data will be deleted on %(day)s") % {
                **names,
                "day": write.day(about.erase_on or about.day),
            }
        case "erased":
            return _("%(product)s, %(customer)s: the data were deleted") % names
    return _("%(product)s, %(customer)s: an address outside the organisation is missing") % names


def _paragraphs(about: About, names: Mapping[str, str], write: Figures) -> Iterator[str]:
    if about.kind.startswith(OF_A_BOUNCE):
        yield _what_failed(about, names)
        yield _("Correct the address, and tell whoever has to know. This is what the notice was about:")
    match family(about.kind):
        case "ends":
            yield from _before_the_end(about, names, write)
        case "ended":
            yield _(
                "The subscription %(product)s of %(customer)s was valid until %(last)s (inclusive) and has expired."
                " Nothing stops yet: during the period of grace it is used as before."
            ) % {**names, "last": write.last_day(about.ends_on)}
        case "access_stopped":
            yield _(
                "The period of grace of %(product)s of %(customer)s is over: since %(day)s its users have no access."
                " The data are kept."
            ) % {**names, "day": write.day(about.access_stops_on)}
        case "erasure":
            yield _(
                "The data of %(product)s of %(customer)s will be deleted for good on %(day)s, unless somebody renews"
                " the subscription before. Nobody can bring them back afterwards."
            ) % {**names, "day": write.day(about.erase_on or about.day)}
        case "erased":
            yield _(
                "The data of %(product)s of %(customer)s were deleted for good on %(day)s, as announced. A new product"
                " key opens a new subscription and brings nothing back."
            ) % {**names, "day": write.day(about.erased_on or about.day)}
        case "outside_address":
            yield from _an_address(about, names)


def _before_the_end(about: About, names: Mapping[str, str], write: Figures) -> Iterator[str]:
    yield ngettext(
        "The subscription %(product)s of %(customer)s, with %(seats)s licence, is valid until %(last)s (inclusive).",
        "The subscription %(product)s of %(customer)s, with %(seats)s licences, is valid until %(last)s (inclusive).",
        about.seats,
    ) % {**names, "seats": write.number(about.seats), "last": write.last_day(about.ends_on)}
    days = (about.ends_on - about.day).days
    if days > MONTH_DAYS:
        yield _("There is time to decide; nothing has to be done today.")
    elif days > SOON_DAYS:
        yield _("This is a good time to renew it: nothing is lost by doing it early.")
    elif days > 1:
        yield _("Only %(days)s days are left.") % {"days": days}
    else:
        yield _("That is today.")


def _an_address(about: About, names: Mapping[str, str]) -> Iterator[str]:
    yield (
        _(
            "For notices about %(product)s of %(customer)s no address outside the organisation is known to work. Once"
            " the subscription has expired, nobody could read in its own mailboxes that it did."
        )
        % names
    )
    if about.audience is Audience.OWN:
        yield _("Add a second address of yours, outside the organisation.")
    else:
        yield _("Ask an administrator of the organisation to add a second address, outside of it.")


def _what_failed(about: About, names: Mapping[str, str]) -> str:
    facts = {**names, "outcome": about.failed_outcome or _("no reason was given")}
    if about.audience is Audience.PARTNER or (not about.failed_name and not about.failed_partner):
        return (
            _("At an address of %(customer)s a notice about %(product)s did not arrive. The answer was: %(outcome)s.")
            % facts
        )
    if about.failed_partner:
        return (
            _("A notice about %(product)s of %(customer)s did not reach its partner. The answer was: %(outcome)s.")
            % facts
        )
    return _("A notice about %(product)s of %(customer)s did not reach %(person)s. The answer was: %(outcome)s.") % {
        **facts,
        "person": about.failed_name,
    }


def _days(about: About, write: Figures) -> Iterator[str]:
    """What happens on which day, as far as it is still to come."""
    if family(about.kind) in {"erased", "outside_address"}:
        return
    if about.day < about.access_stops_on:
        yield _("Until %(day)s (inclusive) it is used as before: this is the period of grace.") % {
            "day": write.last_day(about.access_stops_on)
        }
        yield _(
            "From %(day)s on users have no access. Administrators can still sign in, see everything, export it and"
            " renew."
        ) % {"day": write.day(about.access_stops_on)}
    else:
        yield _("Administrators can still sign in, see everything, export it and renew.")
    if about.erase_on is not None and family(about.kind) != "erasure":
        yield _("From %(day)s on the data may be deleted for good; that is announced before.") % {
            "day": write.day(about.erase_on)
        }


def _ways(about: About) -> Iterator[str]:
    """How it is renewed, and with what consequence. Direct billing takes its place here once it is offered."""
    if family(about.kind) in {"erased", "outside_address"}:
        return
    if about.day < about.ends_on:
        yield _(
            "With a product key for the same product, at any time: its time begins where the present one ends, so"
            " that nothing is lost."
        )
    elif about.day < about.access_stops_on:
        yield _(
            "With a product key for the same product: its time is counted from the old end, so that waiting gains"
            " nothing and loses nothing."
        )
    else:
        yield _(
            "With a product key for the same product: its time is counted from the day on which it is redeemed, and"
            " everything is there again at once."
        )


def _before_link(about: About) -> str:
    match family(about.kind), about.audience:
        case "erased", _anybody:
            return ""
        case "outside_address", Audience.OWN:
            return _("Your settings, for whoever is signed in:")
        case "outside_address", _anybody:
            return ""
        case _any, Audience.OWN:
            return _("Renew it here, signed in:")
        case _any, Audience.CONTACT:
            return _("An administrator renews it here, signed in:")
        case _ if about.of_record:
            return _("Extend it with keys of yours here, signed in:")
    return _("The subscription, for whoever is signed in:")


def _why(about: About, names: Mapping[str, str]) -> str:
    match about.audience:
        case Audience.OWN:
            return _("You are told because you administer %(customer)s or see to its payments.") % names
        case Audience.CONTACT:
            return _("This address is told because %(customer)s named it for notices.") % names
    facts = {**names, "partner": about.partner}
    if about.of_record:
        return _("As the partner of record of %(customer)s, %(partner)s is told.") % facts
    return _("As the proposed partner of record of %(customer)s, %(partner)s is told.") % facts
