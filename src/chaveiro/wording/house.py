"""The words for everything else that can be refused: access, moments, batches, letters, and what a door itself says."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from chaveiro.wording.words import Words

_OPERATOR = _("Ask the operator of this installation.")
_LATER = _("Try again in a moment.")
_RECALL = _("Recall the batch and mint another.")

HOUSE: Mapping[str, Words] = {
    "refused": Words(_("Not possible"), _("The rules do not allow this."), _OPERATOR),
    "role_required": Words(
        _("Not yours to do"),
        _("You do not have the role that this needs."),
        _("Sign in with an account that has it, or ask an administrator of the organisation."),
    ),
    "not_found": Words(
        _("Not found"),
        _("We did not find this, or it is not yours to see."),
        _("Check the address or the reference, or sign in with another account."),
    ),
    "not_found:draft": Words(
        _("Not found"),
        _("We did not find an unfinished redemption with this code."),
        _("Compare the code with what you noted. After 14 days an unfinished redemption is dropped; start a new one."),
    ),
    "not_found:subscription": Words(
        _("Not found"),
        _("We did not find this subscription, or it is not yours to see."),
        _("Choose one from the list."),
    ),
    "link_spent": Words(
        _("The link is no longer good"),
        _("This link was used already, has expired, or was cut short."),
        _("Ask for a new one, and open it whole."),
    ),
    "login_name_taken": Words(
        _("Name taken"), _("Somebody signs in with this name already."), _("Choose another name.")
    ),
    "sign_in_refused": Words(
        _("Not signed in"),
        _("No account has this name and this password."),
        _("Check both. If you forgot the password, ask for a link to choose a new one."),
    ),
    "not_found:proposal": Words(
        _("Not found"),
        _("This proposal was settled already, or has lapsed."),
        _("Look at the partners of your organisation."),
    ),
    "try_later": Words(
        _("Somebody was faster"),
        _("Somebody changed the same thing at this moment."),
        _("Look again, then decide. Nothing has been redeemed."),
    ),
    "try_later:too_many": Words(
        _("Too many requests"),
        _("Too many requests came from you in a short time."),
        ngettext_lazy(
            "Try again in %(retry_after)s second.", "Try again in %(retry_after)s seconds.", "retry_after_count"
        ),
    ),
    "idempotency_mismatch": Words(
        _("Idempotency-Key used before"),
        _("This Idempotency-Key belongs to another request."),
        _("Send the first request again unchanged, or use a new key for this one."),
    ),
    "idempotency_key_needed": Words(
        _("Idempotency-Key missing"),
        _("This request needs an Idempotency-Key, so that it can be repeated safely."),
        _("Send one that you have not used before."),
    ),
    "still_running": Words(_("Still running"), _("The same request is still being worked on."), _LATER),
    "already_reversed": Words(
        _("Already reversed"), _("This redemption was reversed on %(at)s."), _("Nothing is left to be done.")
    ),
    "reversal_too_late": Words(
        _("Too late to reverse"),
        _("The partner could reverse this redemption until %(until)s."),
        _("Ask the operator, who may still do it and gives a reason."),
    ),
    "reversal_blocked": Words(
        _("Cannot be reversed"),
        _("Something was built on this redemption since, so it cannot be undone whole."),
        _("Undo what came after it first, or ask the operator for a correction."),
    ),
    "second_person_needed": Words(
        _("A second person is needed"),
        _("So many keys need the approval of a second person."),
        _("Ask another operator to approve the batch."),
    ),
    "batch_step_refused": Words(
        _("Not at this stage"),
        _("The batch does not go from where it stands (%(stage)s) to there (%(step)s)."),
        _("Look at the batch again; somebody may have changed it."),
    ),
    "export_lost": Words(
        _("Texts of keys lost"),
        _("Texts of keys of this batch are gone or damaged, and they are never made again."),
        _RECALL,
    ),
    "file_refused": Words(
        _("File cannot be used"), _("The file for the keys cannot be used."), _("Name a new file in a folder of yours.")
    ),
    "doubled_key": Words(
        _("Doubled key"), _("A new key, or its serial number, exists already; none was kept."), _OPERATOR
    ),
    "random_source_broken": Words(
        _("Random source broken"), _("The random source repeats itself, so nothing was minted."), _OPERATOR
    ),
    "holder_refused": Words(
        _("Cannot hold stock"), _("This organisation cannot hold stock now."), _("Choose another holder.")
    ),
    "key_replaced": Words(_("Already replaced"), _("This key was replaced already, by %(by)s."), _("Use the new one.")),
    "vendor_exists": Words(
        _("There is a vendor"), _("The vendor was registered already, and there is one only."), _OPERATOR
    ),
    "member_elsewhere": Words(
        _("Belongs elsewhere"),
        _("The account belongs to another organisation, or has a role already."),
        _("Use another account."),
    ),
    "name_ambiguous": Words(
        _("Several have this name"),
        _("Several organisations have this name: %(registration_numbers)s."),
        _("Use the registration number."),
    ),
    "policy_erases_earlier": Words(
        _("Would erase earlier"),
        _("A later version of a policy may only move erasure later: %(retention_days_before)s days or more."),
        _("Keep the data at least as long as before."),
    ),
    "ledger_broken": Words(
        _("Ledger broken"), _("The rows of a ledger do not follow from one another, so nothing was changed."), _OPERATOR
    ),
    "journal_broken": Words(_("Journal broken"), _("The journal contradicts what was signed before."), _OPERATOR),
    "journal_restored": Words(_("Journal restored"), _("The journal was restored from another server."), _OPERATOR),
    "signature_invalid": Words(
        _("Signature not valid"),
        _("The text was not signed by a key of this installation, or was changed since."),
        _("Ask for the signed text again."),
    ),
    "pepper_missing": Words(_("Pepper missing"), _("A pepper that live keys need is missing."), _OPERATOR),
    "pepper_changed": Words(_("Pepper changed"), _("A pepper is not the one that made the keys."), _OPERATOR),
    "vault_key_missing": Words(_("Vault key missing"), _("The key that opens the vault is missing."), _OPERATOR),
    "seal_broken": Words(_("Seal broken"), _("Something sealed cannot be opened."), _OPERATOR),
    "post_refused": Words(
        _("Letter refused"), _("The mail server refused the letter for good."), _("Correct the address.")
    ),
    "post_deferred": Words(_("Letter deferred"), _("The mail server did not take the letter yet."), _LATER),
    # What a door says of a request, before any rule is asked.
    "bad_request": Words(
        _("Request not understood"), _("The request was not understood."), _("Go back, and send it again.")
    ),
    "cookies_needed": Words(
        _("The page was open too long"),
        _("The page was open for too long, or the browser keeps no cookies, so nothing was done."),
        _("Go back, load the page again, and repeat the last step."),
    ),
    "unauthenticated": Words(
        _("Not signed in"), _("This needs somebody who is signed in."), _("Sign in, or send a token that is good.")
    ),
    "forbidden": Words(_("Not allowed"), _("You may not do this."), _OPERATOR),
    "method_not_allowed": Words(
        _("Not this way"),
        _("This address does not take such a request."),
        _("Go back, and use the buttons of the page."),
    ),
    "not_acceptable": Words(_("No such form"), _("There is no answer in the form asked for."), _("Ask for JSON.")),
    "too_large": Words(_("Too large"), _("More was sent than one request takes."), _("Send less at once.")),
    "unsupported_media_type": Words(
        _("Not this kind of content"), _("This kind of content is not taken here."), _("Send JSON.")
    ),
    "server_error": Words(
        _("Something went wrong here"),
        _("Something went wrong on our side. It was noted, and what was confirmed before stays."),
        _("Try again. If it stays so, tell the operator the number of the request."),
    ),
    "unavailable": Words(
        _("Not reachable for the moment"),
        _("The service cannot answer for the moment. What was saved is kept."),
        _("Try again in a minute."),
    ),
}
