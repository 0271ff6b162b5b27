"""What the journal tells, in sentences for people: one for each tag, in both languages.

A sentence names no person and no organisation: who did it stands beside it, as far as its reader may know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

DEEDS: Mapping[str, Any] = {
    "batch:planned": _("A batch of keys was ordered."),
    "batch:minted": _("The keys of a batch were made."),
    "batch:approved": _("A batch was approved by a second person."),
    "batch:released": _("The keys of a batch were released for sale."),
    "batch:recall_asked": _("The recall of a batch was asked for."),
    "batch:recall_dropped": _("The recall of a batch was dropped."),
    "batch:recalled": _("A batch was recalled; its unused keys are worth nothing."),
    "batch:allocated": _("Serial numbers passed from one holder to another."),
    "batch:printed": _("A batch was printed: secrets were made for its serial numbers."),
    "checkpoint:published": _("A signed checkpoint of the journal left the installation."),
    "clock:quiet": _("The platform’s clock is in doubt: no data are erased for some days."),
    "clock:wound_back": _("The platform’s clock was put right: its last day is an earlier one again."),
    "correction:declined": _("A proposed correction was declined."),
    "correction:proposed": _("A correction was proposed: a redemption shall move to another customer."),
    "correction:withdrawn": _("A proposed correction was withdrawn."),
    "customer:changed": _("The organisation’s details were changed."),
    "customer:closed": _("The organisation was closed."),
    "customer:erased": _("The last data of the organisation were erased."),
    "customer:exported": _("Everything that is kept of the organisation was exported."),
    "customer:key_destroyed": _("The data key of an organisation was destroyed, so its backups are gone too."),
    "customer:opened": _("The organisation was opened."),
    "draft:hold_broken": _("A reservation of keys was ended."),
    "draft:opened": _("A redemption was begun."),
    "draft:dropped": _("A redemption that was begun was dropped."),
    "erasure:allowed": _("More erasures on one day than usual were allowed."),
    "erasure:asked": _("More erasures were due on one day than usual; they wait for an operator."),
    "evidence:approved": _("Evidence in the place of a mail’s proof was agreed to."),
    "evidence:recorded": _("Evidence in the place of a mail’s proof was recorded."),
    "evidence:withdrawn": _("Evidence in the place of a mail’s proof was withdrawn."),
    "export:downloaded": _("The encrypted file with the keys of a batch was fetched."),
    "export:expired": _("The encrypted file with the keys of a batch was dropped."),
    "help:asked": _("Help was asked for."),
    "installation:initialised": _("The installation was set up."),
    "installation:looked_at": _("An operator looked at what a restore had brought back; notices are sent again."),
    "installation:restored": _("The installation was restored from a backup."),
    "key:replaced": _("A revoked key was replaced by a new one."),
    "key:revoked": _("A key was revoked."),
    "licence:assigned": _("A licence was assigned to a person."),
    "licence:unassigned": _("A licence was taken from a person."),
    "link:made": _("A one-time link was made."),
    "mint:cancelled": _("The making of a batch’s keys was cancelled."),
    "notice:bounced": _("A notice did not arrive; others were told."),
    "notice:posted": _("A letter was posted."),
    "notice:written": _("A letter was written."),
    "operator:added": _("A person may act for the vendor from now on."),
    "operator:removed": _("A person may no longer act for the vendor."),
    "organisation:added": _("A vendor, distributor or reseller was registered."),
    "organisation:changed": _("Details of a vendor, distributor or reseller were changed."),
    "ownership:sent": _("The letter for taking ownership was sent once more."),
    "ownership:taken": _("Ownership of the account was taken."),
    "partner_of_record:changed": _("The partner of record was changed."),
    "partner_of_record:confirmed": _("The proposed partner of record was confirmed."),
    "partner_of_record:declined": _("The proposed partner of record was declined."),
    "partner_of_record:proposed": _("A partner proposed itself as partner of record."),
    "pepper:added": _("A new secret digests keys from now on."),
    "pepper:rotated": _("All keys are digested with a newer secret."),
    "person:added": _("A person joined the organisation."),
    "person:changed": _("Addresses, language or sign-in of a person were changed."),
    "person:deleted": _("A person left the organisation."),
    "person:erased": _("What was kept of a person was erased."),
    "person:exported": _("Everything that is kept of a person was exported."),
    "policy:adopted": _("Existing subscriptions follow a version of a policy."),
    "policy:adoption_approved": _("A second operator agreed that existing subscriptions follow a version of a policy."),
    "policy:adoption_proposed": _("It was proposed that existing subscriptions follow a version of a policy."),
    "policy:adoption_withdrawn": _("The proposal that existing subscriptions follow a version was withdrawn."),
    "policy:published": _("A version of a policy was published."),
    "product:published": _("A version of a product was published."),
    "product:restored": _("A product is sold again."),
    "product:retired": _("A product is sold no more."),
    "redemption:committed": _("Product keys were redeemed."),
    "redemption:corrected": _("A redemption was moved to the right customer."),
    "redemption:reversed": _("A redemption was reversed."),
    "role:granted": _("A person was given a role."),
    "role:withdrawn": _("A role was taken from a person."),
    "service:added": _("A service was registered."),
    "service:removed": _("A service was removed."),
    "service:rotated": _("A service was given new secrets."),
    "service:signed_in": _("Somebody signed in to a service."),
    "session:confirmed": _("Somebody confirmed that it is them before an act that matters."),
    "session:started": _("Somebody signed in."),
    "session:ended": _("Somebody signed out, or was signed out."),
    "clock:ended": _("A test clock is moved no more."),
    "clock:made": _("A test clock was made."),
    "clock:moved": _("A test clock was set moving, day by day."),
    "customer:attached": _("A test customer went onto a test clock."),
    "signing_key:added": _("A new key signs receipts from now on."),
    "subscription:access_stopped": _("Users lost access to a subscription; its data are kept."),
    "subscription:blocked": _("A subscription was blocked."),
    "subscription:held": _("A legal hold was put on a subscription."),
    "subscription:policy_changed": _("A subscription follows a later version of its policy."),
    "subscription:released": _("The legal hold on a subscription was lifted."),
    "subscription:unblocked": _("The block on a subscription was lifted."),
    "subscription:changed": _("Licences, last day or credit of a subscription changed."),
    "subscription:erased": _("The data of a subscription were erased."),
    "subscription:erasure_put_off": _("The erasure of a subscription's data was put off."),
    "subscription:grace_started": _("A subscription ended; access goes on for the grace period."),
    "subscription:key_destroyed": _("The data key of a subscription was destroyed, so its backups are gone too."),
    "subscription:opened": _("A subscription was opened."),
    "token:created": _("An API token was made."),
    "token:revoked": _("An API token stopped working."),
}

# What one chooses from when looking for something: subjects that belong together, and what they are called.
SUBJECTS: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    "redemption": (_("Redemptions"), ("redemption", "correction", "draft")),
    "subscription": (_("Subscriptions and licences"), ("subscription", "licence", "evidence", "erasure")),
    "partner": (_("Partner of record"), ("partner_of_record",)),
    "people": (_("People and roles"), ("person", "role", "ownership", "customer", "operator", "organisation")),
    "clocks": (_("Test clocks"), ("clock",)),
    "sign_in": (_("Sign-in and access"), ("session", "token", "link", "service")),
    "keys": (_("Batches and keys"), ("batch", "key", "export", "mint")),
    "letters": (_("Letters"), ("notice", "help")),
}

UNKNOWN = _("Something else was recorded.")


def deed(tag: str, language: str) -> str:
    """The sentence of a tag; of one that a later version wrote, that something was recorded."""
    with override(language):
        return str(DEEDS.get(tag, UNKNOWN))


def tags_about(group: str) -> tuple[str, ...]:
    """The tags of one of the groups to choose from; none for a group that there is not."""
    _title, subjects = SUBJECTS.get(group, ("", ()))
    return tuple(tag for tag in DEEDS if tag.partition(":")[0] in subjects)
