"""The words for what may not be done with a subscription, for blocks, and for policies that are changed."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from chaveiro.wording.words import Words

_NO_ACCESS = _("No access")
_BLOCKED = _("Blocked")
_OPERATOR_LIFTS = _("Only the operator of this platform can lift it. Ask there, and say which subscription it is.")
_PARTNER_LIFTS = _("Only the partner that put it can lift it. Ask that partner.")
_RENEW = _("Renew with a product key: an administrator can, and the partner of record. Then it may be used at once.")
_AGAIN = _("Look at the page again.")

ACCESS: Mapping[str, Words] = {
    "stage_forbids": Words(
        _NO_ACCESS, _("Since %(since)s this subscription’s stage does not allow it. The data are kept."), _RENEW
    ),
    "stage_forbids:use": Words(
        _NO_ACCESS,
        _("The subscription ended, and since %(since)s it may not be used any more. The data are kept."),
        _RENEW,
    ),
    "stage_forbids:assign": Words(
        _("No licences are assigned"),
        _("The subscription ended, and since %(since)s no licences of it are assigned. The data are kept."),
        _("Renew with a product key: an administrator can, and the partner of record. Then assign licences again."),
    ),
    "subscription_closed": Words(
        _("Closed"),
        _("This subscription was closed on %(since)s, because the redemption that opened it was taken back."),
        _("A new product key opens a new subscription."),
    ),
    "blocked": Words(_BLOCKED, _("This subscription has been blocked since %(since)s."), _OPERATOR_LIFTS),
    "blocked:abuse": Words(
        _BLOCKED, _("This subscription has been blocked since %(since)s, because it was misused."), _OPERATOR_LIFTS
    ),
    "blocked:legal": Words(
        _BLOCKED, _("This subscription has been blocked since %(since)s, for a legal reason."), _OPERATOR_LIFTS
    ),
    "blocked:unpaid": Words(
        _BLOCKED,
        _("This subscription has been blocked since %(since)s, because a payment is missing."),
        _OPERATOR_LIFTS,
    ),
    "blocked:unpaid:channel": Words(
        _BLOCKED,
        _("This subscription has been blocked since %(since)s: the partner that redeemed it has not been paid."),
        _PARTNER_LIFTS,
    ),
    "blocked:partner_suspended": Words(
        _BLOCKED,
        _("This subscription has been blocked since %(since)s, because its partner is suspended."),
        _OPERATOR_LIFTS,
    ),
    "no_licence": Words(
        _("No licence"),
        _("This person has no licence of this subscription."),
        _("An administrator of the organisation can assign one."),
    ),
    "shortfall_open": Words(
        _("Too few licences"),
        _("More licences are assigned than the subscription has, until %(until)s at the latest."),
        _("An administrator takes licences away, or adds some with a product key."),
    ),
    "block_stands": Words(
        _("Blocked already"),
        _("A block of this kind was put on %(since)s, and stands."),
        _("Lift that one first, if the reason changed."),
    ),
    "block_lifted": Words(_("Lifted already"), _("This block was lifted on %(lifted_on)s."), _AGAIN),
    "not_your_block": Words(
        _("Not yours to lift"),
        _("Each side lifts only the blocks that it put itself."),
        _("Ask whoever put it."),
    ),
    "policy_takes_away": Words(
        _("Would take something away"),
        _(
            "Access would stop earlier for this many subscriptions: %(stops)s. Data would be erased earlier for this"
            " many: %(erases)s. What exists may only gain."
        ),
        _("Publish it for new terms only, or raise the period of grace and the days for which data are kept."),
    ),
    "nothing_to_adopt": Words(
        _("Nothing to do"),
        _("Every subscription under this policy has its newest version already."),
        _("Nothing needs to be done."),
    ),
    "draft_unchanged": Words(
        _("Nothing changed"),
        _("The draft has the numbers of version %(version)s."),
        _("Change a number, or throw the draft away."),
    ),
    "draft_changed": Words(
        _("Changed meanwhile"),
        _("Somebody else changed this draft since you read it."),
        _("Read it again and compare. What you typed was not thrown away."),
    ),
    "adoption_waits": Words(
        _("Proposed already"),
        _("That existing subscriptions follow this version was proposed before."),
        _("Agree to that proposal, or withdraw it."),
    ),
    "adoption_settled": Words(_("Decided already"), _("This proposal was agreed to or withdrawn before."), _AGAIN),
    "second_operator_needed:policy": Words(
        _("A second person is needed"),
        _("Whoever proposed that existing subscriptions follow does not agree to it as well."),
        _("Ask another operator. Where one person runs the installation, it can be agreed to a day after."),
    ),
    "not_found:block": Words(
        _("Not found"),
        _("We did not find this block, or it is not yours to see."),
        _("Look at the subscription’s page."),
    ),
}

# What a block is called, in one or two words.
BLOCK_KINDS: Mapping[str, object] = {
    "abuse": _("Misuse"),
    "legal": _("Legal reason"),
    "unpaid": _("Not paid"),
    "partner_suspended": _("Partner suspended"),
    "legal_hold": _("Legal hold"),
}
# What it does, in a sentence.
BLOCK_EFFECTS: Mapping[str, object] = {
    "abuse": _("Nobody uses the subscription until it is lifted."),
    "legal": _("Nobody uses the subscription until it is lifted."),
    "unpaid": _("Nobody uses the subscription until it is lifted."),
    "partner_suspended": _("Nobody uses the subscription until it is lifted."),
    "legal_hold": _("The subscription may be used as before. Its data are not erased while it stands."),
}
BLOCK_HOLDERS: Mapping[str, object] = {
    "operator": _("the operator of this platform"),
    "channel": _("the partner that redeemed it"),
    "system": _("this platform by itself"),
}
LIFTERS: Mapping[str, object] = {
    "administrator": _("an administrator of the organisation"),
    "partner": _("the partner"),
    "operator": _("the operator of this platform"),
}
# What somebody wants with a subscription, as the heading of a row.
ACTS: Mapping[str, object] = {
    "use": _("Use by people with a licence"),
    "read": _("Seeing its pages"),
    "export": _("Exporting the data"),
    "renew": _("Renewing by product key"),
    "assign": _("Assigning licences"),
}
