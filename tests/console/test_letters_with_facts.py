"""Receipts, questions for help and ways back into a draft, as letters; and every letter's look, kept in docs/mail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest
from django.db import connection

from chaveiro import wiring
from chaveiro.adapters.mail import MemoryPostOffice, Writer
from chaveiro.apps.closing.actions import reverse
from chaveiro.apps.feedback import actions as feedback
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.identity.models import Account
from chaveiro.apps.redemption.actions import drafting, resuming
from chaveiro.console import letter_samples
from chaveiro.console.catalogues import compile_stale
from chaveiro.console.effects import carry_out
from chaveiro.console.letters import Desk, tidy
from chaveiro.rules.actors import ANONYMOUS, SYSTEM, Actor
from chaveiro.rules.drafts import ResumeCode
from chaveiro.rules.feedback import Question
from chaveiro.rules.outbox import Message
from chaveiro.rules.receipts import RECEIPT_KIND
from tests.cast import NOON, World, build_world, make_keys, means, open_customer

SUPPORT = "ajuda@tagus.example"
TEMPLATES = Path(letter_samples.__file__).parents[1] / "web" / "templates" / "letters"


@pytest.fixture(scope="module", autouse=True)
def catalogues() -> None:
    compile_stale()


@dataclass
class Scene:
    """Ana has redeemed two keys for Bruno's organisation."""

    world: World
    bruno: Actor
    redemption: UUID
    office: MemoryPostOffice
    desk: Desk

    def carry_out(self, *kinds: str) -> list[Message]:
        """Carry out what is owed of these kinds, one after another; what was posted by it."""
        before = len(self.office.posted)
        for kind in kinds:
            with connection.cursor() as cursor:
                cursor.execute("SELECT id FROM notices_owed WHERE kind = %s ORDER BY id", (kind,))
                owed = [number for (number,) in cursor.fetchall()]
            for number in owed:
                carry_out(self.desk, number)
        return self.office.posted[before:]


@pytest.fixture
def scene(db: None) -> Scene:
    world = build_world()
    bruno, outcome = open_customer(world, make_keys(world, 2))
    office = MemoryPostOffice()
    desk = Desk(office, means, "https://chaveiro.example", "Tagus Software", b"thirty-two bytes, only for tests")
    return Scene(world, bruno, outcome.id, office, desk)


def mail_of(message: Message) -> EmailMessage:
    """The mail as it travels."""
    return Writer(sender="Tagus <no-reply@chaveiro.example>", host="chaveiro.example").write(message)


# ── receipts ──


def test_the_receipt_goes_to_the_administrator_and_to_who_redeemed(scene: Scene) -> None:
    posted = scene.carry_out("receipt", "receipt_letter")
    assert {message.to for message in posted} == {"bruno@padariasol.example", "ana@example.test"}
    for message in posted:
        assert "Padaria Sol, Lda." in message.subject
        assert "https://chaveiro.example/receipts/R-" in message.text


def test_the_receipt_is_signed_and_attached(scene: Scene) -> None:
    message = scene.carry_out("receipt", "receipt_letter")[0]
    paper, attached = message.attachments
    assert paper.content.startswith(b"%PDF-")
    told = json.loads(attached.content)
    claims = wiring.keyring().read(".".join((told["protected"], told["payload"], told["signature"])), RECEIPT_KIND)
    assert claims["reference"] in message.subject
    assert claims["iss"] == "https://chaveiro.example"
    printed, file = mail_of(message).iter_attachments()
    assert printed.get_content_type() == "application/pdf"
    assert (file.get_filename(), file.get_content_type()) == (f"{claims['reference']}.json", "application/json")


def test_a_receipt_that_is_posted_twice_is_the_same_letter(scene: Scene) -> None:
    first = scene.carry_out("receipt", "receipt_letter")
    assert scene.carry_out("receipt", "receipt_letter") == []
    assert [bytes(mail_of(each)) for each in first] == [bytes(mail_of(each)) for each in first]


def test_no_receipt_goes_out_once_the_redemption_was_reversed(scene: Scene) -> None:
    reverse(actor=scene.world.ana, redemption=scene.redemption, reason="wrong customer", means=means())
    assert scene.carry_out("receipt", "receipt_letter") == []


def test_no_letter_holds_a_key(scene: Scene) -> None:
    keys = make_keys(scene.world, 2)
    open_customer(scene.world, keys, "outra")
    for message in scene.carry_out("receipt", "receipt_letter", "ownership"):
        everything = mail_of(message).as_string() + str([each.content for each in message.attachments])
        assert not [key for key in keys if key in everything or key.replace("-", "") in everything]


# ── questions for help ──


def ask(scene: Scene, actor: Actor, receiver: str = "operator", email: str = "") -> UUID:
    asked = means().new_id()
    question = Question(receiver, "/redeem/keys", "en", "Key 2 does not pass.", "Carla", email, "R-7K2M-9Q4D")
    assert feedback.ask(actor=actor, asked=asked, question=question, request="0123456789abcdef", means=means())
    return asked


def test_a_stranger_s_question_goes_to_the_people_who_give_help_and_they_can_answer(scene: Scene) -> None:
    scene.desk = replace(scene.desk, support=SUPPORT)
    ask(scene, ANONYMOUS, email="carla@example.test")
    question, copy = scene.carry_out("help_request", "help_letter")
    assert (question.to, question.reply_to) == (SUPPORT, "carla@example.test")
    assert mail_of(question)["Reply-To"] == "carla@example.test"
    for told in ("Key 2 does not pass.", "/redeem/keys", "R-7K2M-9Q4D", "0123456789abcdef", "Carla"):
        assert told in question.text
    assert (copy.to, copy.reply_to) == ("carla@example.test", SUPPORT)
    assert copy.text.startswith("Hello,\n\nThis is what we passed on for you.")


def test_without_a_mailbox_for_help_the_operators_get_the_question(scene: Scene) -> None:
    ask(scene, ANONYMOUS)
    [question] = scene.carry_out("help_request", "help_letter")
    assert question.to == "duarte@example.test"
    assert question.reply_to == ""
    assert "não deixou endereço" in question.text


def test_a_customer_s_question_goes_to_its_partner_with_the_organisation_named(scene: Scene) -> None:
    Account.objects.filter(id=scene.bruno.account).update(language="en")
    ask(scene, scene.bruno, "partner")
    question, copy = scene.carry_out("help_request", "help_letter")
    assert question.to == "ana@example.test"
    assert "Padaria Sol, Lda." in question.text
    assert question.reply_to == copy.to == "bruno@padariasol.example"


def test_a_question_that_is_passed_on_again_is_passed_on_once(scene: Scene) -> None:
    ask(scene, scene.bruno, "partner")
    assert len(scene.carry_out("help_request", "help_letter")) == 2
    assert scene.carry_out("help_request", "help_letter") == []


# ── the way back into a draft ──


def test_who_leaves_a_redemption_gets_a_link_that_leads_back(scene: Scene) -> None:
    code = ResumeCode("ABCDEFGHJKMNPQRSTVWX")
    holder = drafting.begin(actor=ANONYMOUS, means=means(), code=code)
    kept = drafting.look(actor=holder, code=code, sealer=wiring.sealer())
    resuming.owe_letter(
        actor=holder,
        kept=kept,
        code=code,
        to=resuming.Recipient("carla@example.test", "pt-pt"),
        secret=wiring.draft_links_secret(),
        sealer=wiring.sealer(),
        means=means(),
    )
    [message] = scene.carry_out("draft.resume")
    assert message.to == "carla@example.test"
    assert "https://chaveiro.example/redeem/resume/" in message.text
    assert code.symbols not in message.text + message.html


# ── how they look ──


def test_every_letter_is_kept_in_the_documents_as_it_is_in_both_languages() -> None:
    kept = {
        str(file.relative_to(letter_samples.FOLDER)): file.read_text(encoding="utf-8")
        for file in letter_samples.FOLDER.glob("*/*")
    }
    assert kept == letter_samples.files(), "run script/letters"


def test_every_letter_has_a_sample() -> None:
    kinds = {file.name.removesuffix("_subject.txt") for file in TEMPLATES.glob("*_subject.txt")}
    reader = next(letter_samples.letters("en"))[1]
    assert reader.language == "en"
    sampled = {kind for kind, _name, _words in letter_samples.samples(_reader())}
    assert kinds == sampled


def _reader() -> letter_samples.Reader:
    return letter_samples.Reader(email="bruno@padariasol.example", language="en")


def samples() -> Iterator[tuple[str, str, Message]]:
    for language in letter_samples.LANGUAGES:
        for name, message in letter_samples.letters(language):
            yield language, name, message


def test_text_and_html_of_a_letter_say_the_same_and_fetch_nothing() -> None:
    for language, name, message in samples():
        assert "<img" not in message.html
        assert "url(" not in message.html
        assert "src=" not in message.html
        for line in message.text.splitlines():
            words = line.strip("* -")
            if words and "----" not in line:
                first = words.split()[0].replace("&", "&amp;")
                assert first in message.html, f"{name} {language}: {line}"


def test_the_two_languages_of_a_letter_differ() -> None:
    told: dict[str, set[str]] = {}
    for _language, name, message in samples():
        told.setdefault(name, set()).update({message.subject, message.text})
    assert {name for name, texts in told.items() if len(texts) != 4} == set()


def test_a_mail_asks_for_no_automatic_answer_and_says_its_language() -> None:
    _language, _name, message = next(samples())
    mail = mail_of(replace(message, reply_to=SUPPORT))
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Content-Language"] == "pt-pt"
    assert mail["Reply-To"] == SUPPORT
    assert mail["Message-ID"] == f"<{message.letter}@chaveiro.example>"
    assert mail["Date"]
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_a_template_s_gaps_do_not_reach_the_letter() -> None:
    assert tidy("\n\nA line.  \n\n\n\nAnother.\n\n") == "A line.\n\nAnother.\n"


def test_answers_are_swept_after_two_years(scene: Scene) -> None:
    ask(scene, ANONYMOUS)
    feedback.keep(actor=ANONYMOUS, page=feedback.Page("help", "en", "1"), useful=True, means=means())
    for days, dropped in ((179, 0), (181, 1), (731, 1)):
        with acting(SYSTEM):
            assert feedback.sweep(now=NOON + timedelta(days=days)) == dropped
