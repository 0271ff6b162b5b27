"""`chaveiro`: nouns, then verbs. This module knows where each command lives and loads only the one that is run.

A command that needs no database starts without Django; one that does names the process it is (its database role).
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from chaveiro.console import output
from chaveiro.console.output import Exit
from chaveiro.rules.errors import Refusal
from chaveiro.rules.keys import scrub


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command lives. `words` are what is typed; `process` is the role it needs, or None: it sees to itself.

    Not `enters`: it needs the settings of that process, and goes to the database itself, where it must.
    """

    words: tuple[str, ...]
    home: str
    meaning: str
    process: str | None = None
    enters: bool = True


COMMANDS = (
    Place(("demo",), "demo:demo", "Serve a demonstration with made-up data, from nothing."),
    Place(("init",), "installation:init", "Make database, roles, secrets and the first operator's link."),
    Place(("doctor",), "doctor:doctor", "Look at what this installation needs, and say how to cure what is wrong."),
    Place(("migrate",), "installation:migrate", "Bring the database's schema up to this version."),
    Place(("stop",), "installation:stop", "Stop the embedded database server."),
    Place(("settings",), "settings_page:settings", "Print the page of all settings."),
    Place(("serve",), "serving:serve", "Serve pages and API.", "web"),
    Place(("worker",), "working:worker", "Do the background work: letters, mints, the journal's seals.", "system"),
    Place(("daily",), "daily:daily", "Be the clock: do what the calendar says is due.", "system"),
    Place(("check",), "check:check", "Hold every invariant against the database, read only.", "check"),
    Place(("keys", "check"), "keys:check_keys", "Judge every key in a text; no database."),
    Place(("keys", "judge"), "stock:judge_keys", "Say of each key whether it could be redeemed now.", "system"),
    Place(("keys", "show"), "stock:show_key", "Show one key by its serial.", "system"),
    Place(("keys", "find"), "stock:find_keys", "Find keys by their last five symbols.", "system"),
    Place(("keys", "revoke"), "stock:revoke_key", "Make one key worthless.", "system"),
    Place(("keys", "replace"), "stock:replace_key", "Revoke a key and mint another in its place.", "system"),
    Place(("keys", "break-hold"), "stock:break_hold", "End an unfinished redemption's hold on a key.", "system"),
    Place(("keys", "peppers"), "stock:peppers", "List the pepper's versions and which may go.", "system"),
    Place(("batches", "mint"), "minting:mint", "Order keys and mint them into a file.", "system"),
    Place(("batches", "list"), "batches:list_batches", "List batches.", "system"),
    Place(("batches", "show"), "batches:show_batch", "Show one batch.", "system"),
    Place(("batches", "approve"), "batches:approve_batch", "Agree to a large batch as the second person.", "system"),
    Place(("batches", "release"), "batches:release_batch", "Put a batch up for sale.", "system"),
    Place(("batches", "recall"), "batches:recall_batch", "Make a batch's unredeemed keys worthless.", "system"),
    Place(("cards",), "cards:print_cards", "Print cards as PDF from a file of keys.", "system", enters=False),
    Place(("redemptions", "list"), "redemptions:list_redemptions", "List redemptions.", "system"),
    Place(("redemptions", "show"), "redemptions:show_redemption", "Show what a receipt says.", "system"),
    Place(("redemptions", "preview"), "orders:preview_redemption", "Show what an order would do.", "system"),
    Place(("redemptions", "redeem"), "orders:redeem_keys", "Redeem all keys of an order, or none.", "system"),
    Place(("redemptions", "reverse"), "redemptions:reverse_redemption", "Take a redemption back.", "system"),
    Place(("redemptions", "correct"), "corrections:correct_redemption", "Propose to move a redemption.", "system"),
    Place(("redemptions", "corrections"), "corrections:list_corrections", "List corrections.", "system"),
    Place(("redemptions", "approve-correction"), "corrections:approve_correction", "Agree to a correction.", "system"),
    Place(("redemptions", "decline-correction"), "corrections:decline_correction", "Decline a correction.", "system"),
    Place(("redemptions", "receipt"), "redemptions:sign_receipt", "Print a signed receipt.", "system"),
    Place(("redemptions", "verify"), "receipts:verify_receipt", "Check a signed receipt; no database."),
    Place(
        ("redemptions", "jwks"), "redemptions:public_keys", "Print the keys that receipts are checked with.", "system"
    ),
    Place(("clocks", "list"), "clocks:list_clocks", "List test clocks.", "system"),
    Place(("clocks", "make"), "clocks:make_clock", "Make a test clock.", "system"),
    Place(("clocks", "attach"), "clocks:attach_customer", "Put a test customer onto a clock.", "system"),
    Place(("clocks", "move"), "clocks:move_clock", "Live the days of a clock, one after the other.", "system"),
    Place(("clocks", "end"), "clocks:end_clock", "Move a clock no more.", "system"),
    Place(("clocks", "diary"), "clocks:show_diary", "Print what happened on each day of a clock.", "system"),
    Place(("year",), "year:year", "Print the diary of a subscription's whole life.", "system"),
    Place(("subscriptions", "list"), "subscriptions:list_subscriptions", "List subscriptions.", "system"),
    Place(("subscriptions", "show"), "subscriptions:show_subscription", "Show one subscription.", "system"),
    Place(("subscriptions", "ledger"), "subscriptions:show_ledger", "Show a subscription's changes.", "system"),
    Place(("renewals", "list"), "renewals:list_renewals", "List what asks for a renewal.", "system"),
    Place(("backup", "create"), "backups:create_backup", "Write the whole database into one signed file.", "check"),
    Place(("backup", "verify"), "backups:verify_backup", "Check a backup's file; no database.", "check", enters=False),
    Place(("backup", "restore"), "backups:restore_backup", "Bring a backup back, all of it.", "owner", enters=False),
    Place(("bounces",), "bounces:bounces", "Take one delivery report on a notice from stdin.", "system"),
    Place(("blocks", "list"), "blocks:list_blocks", "List what stands against a subscription.", "system"),
    Place(("blocks", "put"), "blocks:put_block", "Put a block on a subscription.", "system"),
    Place(("blocks", "lift"), "blocks:lift_block", "Lift a block of the same side.", "system"),
    Place(("policies", "list"), "policies:list_policies", "List policies.", "system"),
    Place(("policies", "show"), "policies:show_policy", "Show a policy's versions, draft and adoptions.", "system"),
    Place(("policies", "draft"), "policies:draft_policy", "Begin or change the next version of a policy.", "system"),
    Place(("policies", "drop"), "policies:drop_draft", "Throw a draft away.", "system"),
    Place(("policies", "whatif"), "policies:what_if", "Count what a draft would do.", "system"),
    Place(("policies", "publish"), "policies:publish_draft", "Publish a draft for new terms.", "system"),
    Place(("policies", "adopt"), "policies:propose_adoption", "Propose that what exists follows it.", "system"),
    Place(("policies", "approve"), "policies:approve_adoption", "Agree to it as the second person.", "system"),
    Place(("policies", "withdraw"), "policies:withdraw_adoption", "Take such a proposal back.", "system"),
    Place(("subscriptions", "evidence"), "erasure:record_evidence", "Record that people were told.", "system"),
    Place(("subscriptions", "approve-evidence"), "erasure:approve_evidence", "Agree to such evidence.", "system"),
    Place(("subscriptions", "withdraw-evidence"), "erasure:withdraw_evidence", "Take evidence back.", "system"),
    Place(("erasures", "due"), "erasure:list_due", "List what is due to be erased, and why it waits.", "system"),
    Place(("erasures", "list"), "erasure:list_erasures", "List what was erased.", "system"),
    Place(("erasures", "allow"), "erasure:allow", "Allow more erasures on a day than are usual.", "system"),
    Place(("erasures", "certificate"), "erasure:certificate", "Print a signed certificate.", "system"),
    Place(("org", "export"), "erasure:export", "Write everything that is kept of a customer.", "system"),
    Place(("backup", "accept"), "backups:accept_restore", "Say that a restore has been looked at.", "system"),
    Place(("accounts", "recover"), "operators:recover", "Let somebody in who lost telephone and codes.", "system"),
    Place(("operators", "add"), "operators:add_operator", "Open an account for another operator.", "system"),
    Place(("operators", "remove"), "operators:remove_operator", "Close an operator's account.", "system"),
    Place(("tokens", "create"), "tokens:create_token", "Make a token and print it once.", "system"),
    Place(("tokens", "list"), "tokens:list_tokens", "List an account's tokens.", "system"),
    Place(("tokens", "revoke"), "tokens:revoke_token", "Make a token stop working.", "system"),
    Place(("services", "add"), "services:add_service", "Register what people sign in to.", "system"),
    Place(("services", "list"), "services:list_services", "List services.", "system"),
    Place(("services", "rotate"), "services:rotate_service", "Give a service new secrets.", "system"),
    Place(("services", "remove"), "services:remove_service", "Remove a service.", "system"),
    Place(("conformance",), "conformance:conformance", "Tell whether a service honours every stage.", "system"),
    Place(("translations", "check"), "translations:check", "Hold the words against their rules; no database."),
    Place(("translations", "export"), "flagged_texts:export", "Write what readers flagged, for translators.", "system"),
    Place(("terms",), "terms:terms", "Work out sums of seat-time; no database."),
)
GROUPS = {
    "keys": "Product keys.",
    "batches": "Stock: keys ordered, minted, sold.",
    "redemptions": "What was redeemed.",
    "renewals": "What ends soon, and what can be brought back.",
    "clocks": "Test clocks: days of their own for test customers.",
    "subscriptions": "What customers have.",
    "backup": "The whole database in one file.",
    "erasures": "Data that go, and their certificates.",
    "org": "One organisation's data.",
    "blocks": "What stands against using or erasing.",
    "policies": "The numbers by which subscriptions live.",
    "accounts": "How people sign in.",
    "operators": "People who act for the vendor.",
    "tokens": "Bearer tokens for programs.",
    "services": "What subscriptions pay for, and people sign in to.",
    "translations": "The words of pages, letters and help.",
}


class Deferred(click.Command):
    """A command that stands for its module until somebody runs it."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.words[-1], short_help=place.meaning, add_help_option=False)
        self._place = place

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep every word as it is for the command itself."""
        ctx.args = list(args)
        return ctx.args

    def invoke(self, ctx: click.Context) -> Any:
        """Parse first, with no database; then enter it, then run."""
        name, rest, process = self.name, list(ctx.args), self._place.process
        if process is not None:
            _startup().prepare(process)
        command = load(self._place)
        with command.make_context(name, rest, parent=ctx.parent) as own:
            if process is not None and self._place.enters:
                _startup().enter(process)
            return command.invoke(own)


class Nouns(click.Group):
    """Commands found by their first word, and groups of those that share one."""

    def __init__(self, places: Sequence[Place], depth: int = 0, **settings: Any) -> None:
        super().__init__(**settings)
        self._places, self._depth = places, depth

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The words that may follow here, in the order of the table."""
        return list(dict.fromkeys(place.words[self._depth] for place in self._places))

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or the group, that a word names."""
        below = [place for place in self._places if place.words[self._depth] == cmd_name]
        if not below:
            return None
        if len(below[0].words) == self._depth + 1:
            return Deferred(below[0])
        return Nouns(below, self._depth + 1, name=cmd_name, help=GROUPS[cmd_name])


def load(place: Place) -> click.Command:
    """The command itself, from its module."""
    module, _, attribute = place.home.partition(":")
    command = getattr(import_module(f"chaveiro.console.{module}"), attribute)
    assert isinstance(command, click.Command)
    return command


def _startup() -> Any:
    """`chaveiro.console.startup`, which loads Django; only who needs it pays for it."""
    return import_module("chaveiro.console.startup")


PROGRAM = Nouns(COMMANDS, name="chaveiro", help="Sell subscriptions through partners on prepaid product keys.")


def run(arguments: Sequence[str]) -> Exit:
    """Run one command line and answer how it ended. Nothing that it prints can carry a key that somebody typed."""
    as_json = "--json" in arguments
    try:
        ended = PROGRAM.main(list(arguments), prog_name="chaveiro", standalone_mode=False)
        sys.stdout.flush()
        return Exit(ended) if isinstance(ended, int) else Exit.DONE
    except click.exceptions.Exit as ending:
        return Exit(ending.exit_code)
    except click.UsageError as error:
        return _usage(error, as_json)
    except click.Abort:
        return Exit.INTERRUPTED
    except click.ClickException as error:
        output.say(scrub(error.format_message()))
        return Exit.FAILED
    except Refusal as refusal:
        return output.refuse(refusal, as_json)
    except BrokenPipeError:
        # Whoever read our output has gone, which is nobody's fault; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE
    except Exception as fault:
        return _failed(fault, as_json)
    finally:
        _leave()


def _usage(error: click.UsageError, as_json: bool) -> Exit:
    if as_json:
        detail = {"code": "usage", "detail": scrub(error.format_message())}
        output.write_json(detail, stream=sys.stderr)
    else:
        if error.ctx is not None and not isinstance(error, click.exceptions.NoArgsIsHelpError):
            output.say(error.ctx.get_usage())
        output.say(scrub(error.format_message()))
    return Exit.USAGE


def _failed(fault: Exception, as_json: bool) -> Exit:
    """What no rule foresaw. A database that does not answer is told apart: it may answer later."""
    unreachable = any(kind.__name__ == "OperationalError" for kind in type(fault).__mro__)
    code, ended = ("database_unreachable", Exit.TRY_LATER) if unreachable else ("failed", Exit.FAILED)
    said = scrub(f"{type(fault).__name__}: {fault}".strip())
    if as_json:
        output.write_json({"code": code, "detail": said}, stream=sys.stderr)
    elif unreachable:
        output.say(f"{code}: {said}")
    else:
        output.say(scrub("".join(traceback.format_exception(fault))))
    return ended


def _leave() -> None:
    startup = sys.modules.get("chaveiro.console.startup")
    if startup is not None:
        startup.leave()


def main() -> None:
    """The entry point of the command `chaveiro`."""
    sys.exit(int(run(sys.argv[1:])))


if __name__ == "__main__":
    main()
