"""The words for what can be refused when one signs in: passkeys, codes, providers, and the last way in."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_lazy as _

from chaveiro.wording.words import Words

SIGNING_IN: Mapping[str, Words] = {
    "code_refused": Words(
        _("Code not right"),
        _("This code is wrong, too old, or was used before."),
        _("Enter the code that the app shows now. Each code opens once: wait for the next one."),
    ),
    "passkey_refused": Words(
        _("Passkey not accepted"),
        _("The passkey did not open this."),
        _("Try again, use another passkey, or choose another way."),
    ),
    "challenge_spent": Words(
        _("Asked too long ago"),
        _("What you answered was asked too long ago, in another browser, or was answered already."),
        _("Go back to the page where you began, load it again, and repeat the last step."),
    ),
    "last_way_in": Words(
        _("Last way to sign in"),
        _("Without this, nobody could sign in to the account any more."),
        _("Add another way to sign in first."),
    ),
    "second_factor_needed": Words(
        _("Second factor needed"),
        _("This account can make keys or act for others, so it may not be without a second factor."),
        _("Add another passkey or codes of an authenticator app first."),
    ),
    "provider_refused": Words(
        _("Sign-in elsewhere not accepted"),
        _("What the other service said of you does not hold, so nobody was signed in."),
        _("Try again. If it stays so, sign in another way and tell the operator of this installation."),
    ),
    "provider_unreachable": Words(
        _("Other service not reachable"),
        _("The other service does not answer as it should, so nobody can sign in by it for the moment."),
        _("Try again in a moment, or sign in another way."),
    ),
    "not_linked": Words(
        _("Not linked to an account"),
        _("You signed in elsewhere, but no account here is linked to that sign-in."),
        _("Sign in another way, then link it under “Sign-in and security”. An equal e-mail address is not enough."),
    ),
    "linked_already": Words(
        _("Linked already"), _("This sign-in leads to your account already."), _("Nothing is left to be done.")
    ),
}
