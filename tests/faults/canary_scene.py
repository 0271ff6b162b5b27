"""A house in which everything is done once, with canaries in every hand, and all that it writes and sends is kept."""

from __future__ import annotations

import io
import logging
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from chaveiro import wiring
from chaveiro.adapters.mail import MemoryPostOffice
from chaveiro.apps.redemption.actions import committing
from chaveiro.console import logs
from chaveiro.console.effects import carry_out
from chaveiro.console.letters import Desk as LetterDesk
from chaveiro.console.worker import Worker
from chaveiro.rules.keys import group, mint
from tests.api.door import Caller, act_body, bruno_of, opening_body, subscription_of
from tests.cast import build_world, make_keys, means, token_for
from tests.console import desk as console
from tests.faults.canaries import Canaries
from tests.web.journey import (
    begin,
    confirm_it,
    fingerprint_of,
    keys_are_right,
    leads_to,
    path,
    send_keys,
    send_organisation,
)

FREE_TEXTS = (
    ("customer", "name"),
    ("customer", "tax_number"),
    ("customer", "domain_prefix"),
    ("administrator", "given_name"),
    ("administrator", "family_name"),
)
LINKS = re.compile(r"""(?:href|src|action)=["']([^"']*)["']""")


def mistyped(key: str) -> str:
    """The key with its fourth symbol wrong: one can still read it."""
    return key[:3] + ("2" if key[3] != "2" else "3") + key[4:]


@dataclass(slots=True)
class Written:
    """All that the house wrote or sent while everything was done."""

    addresses: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    figures: str = ""
    told: str = ""  # stderr of the command line


class Browser(Client):
    """A browser that remembers every address it was sent to, and the pages on which no key may stand."""

    def __init__(self, written: Written, **headers: str) -> None:
        super().__init__(headers=headers, raise_request_exception=False)
        self._written = written

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        self._written.addresses.append(response.get("Location", ""))
        if not response.streaming:
            page = response.content.decode(errors="replace")
            self._written.addresses += LINKS.findall(page)
            if response.status_code in (200, 404, 500) and 'name="key"' not in page:
                self._written.answers.append(page)
        return response


class Scene:
    """A house with everybody in it, and what is planted there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, desk: console.Desk, folder: Path) -> None:
        self.world, self.canaries, self.written = build_world(), Canaries(), Written()
        self.monkeypatch, self.desk, self.folder = monkeypatch, desk, folder
        self.numbers = iter(range(1_000))
        self.log = io.StringIO()

    def key(self, flow: str, **changes: Any) -> str:
        return self.canaries.key(f"{flow}: a key", make_keys(self.world, 1, **changes)[0])

    def typo(self, flow: str) -> str:
        return self.canaries.key(f"{flow}: a mistyped key", mistyped(make_keys(self.world)[0]))

    def caller(self, actor: Any) -> Caller:
        token = token_for(actor)
        self.canaries.secret(f"token {next(self.numbers)}", token)
        return Listening(token, self.written)


class Listening(Caller):
    """A caller that keeps every answer but for the repairs that it was offered, which are its own key's."""

    def __init__(self, token: str | None, written: Written) -> None:
        super().__init__(token)
        self._written = written

    def __call__(self, method: str, path: str, body: Any = None, **headers: str | None) -> Any:
        answer = super().__call__(method, path, body, **headers)
        assert answer.status != 429, "too many calls in one scene: nothing was done, and nothing proven"
        self._written.addresses.append(answer.headers.get("Location", ""))
        self._written.answers.append(str(without(answer.body, "repair", "typed", "resume_code")))
        return answer


def without(body: Any, *names: str) -> Any:
    """The same JSON without these fields, at any depth."""
    if isinstance(body, dict):
        return {name: without(value, *names) for name, value in body.items() if name not in names}
    return [without(value, *names) for value in body] if isinstance(body, list) else body


class everything_logged:  # noqa: N801 - read as a word
    """Every log of this process, down to the last detail, as the house writes it."""

    def __enter__(self) -> io.StringIO:
        root = logging.getLogger()
        self._before = (root.level, list(root.handlers))
        self._stream = io.StringIO()
        logs.configure({"level": "DEBUG"}, self._stream)
        return self._stream

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.setLevel(self._before[0])
        root.handlers[:] = self._before[1]


# --- everything that people do ---


def people_at_pages(scene: Scene) -> None:
    """A draft with a mistyped key, mended and resumed elsewhere; one that is left as it is; one that is redeemed."""
    browser = Browser(scene.written, **{"Accept-Language": "pt-PT"})
    good, typo, pasted = scene.key("page"), scene.typo("page"), scene.key("page, pasted")
    code = scene.canaries.secret("page: resume code", begin(browser))
    assert send_keys(browser, good, typo, "nothing").status_code == 422
    browser.get(path(browser, "keys"))
    send_keys(browser, typo, many=f"Bom dia,\n{pasted.lower()}\nAna", do="check")
    browser.post(path(browser, "later"), {"email": "ana@example.test"})
    elsewhere = Browser(scene.written, **{"Accept-Language": "en"})
    elsewhere.post("/redeem/resume", {"code": code})
    elsewhere.get(path(browser, "keys"))
    left = Browser(scene.written)
    scene.canaries.secret("page: resume code of a draft that is left", begin(left))
    send_keys(left, scene.key("page, left"), scene.typo("page, left"))
    done = Browser(scene.written)
    scene.canaries.secret("page: resume code of a draft that is redeemed", begin(done))
    key = scene.key("page, redeemed")
    send_keys(done, key)
    keys_are_right(done)
    done.post(path(done, "purpose"), {"target": "open"})
    send_organisation(done)
    confirm_it(done, fingerprint_of(done.get(path(done, "confirm"))))
    assert done.get(path(done, "receipt")).status_code == 200
    for form in ("json", "jws"):
        scene.written.answers.append(done.get(path(done, f"receipt.{form}")).content.decode())
    again = Browser(scene.written)
    begin(again)
    assert send_keys(again, key).status_code == 422


def programs_at_the_door(scene: Scene) -> None:
    """Every call that takes a key, with good, spent, unknown and mistyped ones, in right fields and in wrong ones."""
    ana = scene.caller(scene.world.ana)
    good, spare = scene.key("API"), scene.key("API, spare")
    unknown = scene.canaries.key("API: an unknown key", group(mint(1, os.urandom)[0]))
    typo = scene.typo("API")
    ana.post("/key-checks", {"keys": [good, typo, unknown, spare.lower().replace("-", " ")]})
    body = opening_body([good], "apisol")
    assert ana.post("/redemptions?validate_only=true", body).status == 200
    done = ana.post("/redemptions", body, Idempotency_Key="api-1")
    assert (done.status, ana.post("/redemptions", body, Idempotency_Key="api-1").status) == (201, 201)
    for keys in ([good], [typo], [unknown, spare, spare], [f"{spare}*"]):
        assert ana.post("/redemptions", opening_body(keys, "apitwo")).status == 422
    bruno = bruno_of(done)
    scene.canaries.secret("token of Bruno", str(bruno.token))
    longer = scene.key("API, extended")
    assert bruno.post("/redemptions", act_body("extend", [longer], subscription_of(done))).status == 201
    misplaced: list[dict[str, Any]] = [
        {"purpose": spare},
        {"seats_after": {spare: 1}},
        {spare: 1},
        {"fingerprint": spare},
        {"subscription": spare},
        {"partner_of_record": spare},
    ]
    for number, wrong in enumerate(misplaced):
        ana.post("/redemptions", {**opening_body([scene.key(f"API, {number}")], f"apiwrong{number}"), **wrong})
    ana.post("/redemptions", opening_body([spare], "apifour"), Idempotency_Key=spare, X_Request_Id=spare)
    ana.post("/redemptions", f'{{"keys": ["{typo}"], '.encode())
    taken = scene.key("API, reversed")
    opened = ana.post("/redemptions", opening_body([taken], "apifive"))
    assert ana.post(f"/redemptions/{opened.body['id']}/reverse", {"reason": "Cliente errado"}).status == 200
    for address in ("/redemptions", "/subscriptions", "/journal", f"/redemptions/{opened.body['id']}"):
        ana.get(address)


def drafts_at_the_door(scene: Scene) -> None:
    """A draft by API, kept and left."""
    ana = scene.caller(scene.world.ana)
    draft = ana.post("/redemptions/drafts").body
    code = scene.canaries.secret("API: resume code", draft["resume_code"])
    keys = [scene.key("API draft"), scene.typo("API draft")]
    assert ana("PUT", f"/redemptions/drafts/{draft['id']}/keys", {"keys": keys}, Resume_Code=code).status == 200
    assert ana.get(f"/redemptions/drafts/{draft['id']}", Resume_Code=code).status == 200


def keys_in_wrong_places(scene: Scene) -> None:
    """Keys where no key belongs: in addresses, in free text, in a name, in what a browser says of itself."""
    ana, browser = scene.caller(scene.world.ana), Browser(scene.written)
    lost = scene.key("wrong place: an address")
    for address in (f"/{lost}", f"/redeem/{lost}", f"/redeem/keys?key={lost}", f"/metrics?key={lost}", f"/home#{lost}"):
        browser.get(address)
    for address in (f"/redemptions/{lost}", f"/subscriptions?cursor={lost}", f"/{lost}", f"/journal/proof/{lost}"):
        ana.get(address)
    reason = scene.key("wrong place: a reason")
    opened = ana.post("/redemptions", opening_body([scene.key("wrong place")], "wrongone"))
    assert (
        ana.post(f"/redemptions/{opened.body['id']}/reverse", {"reason": f"A chave {reason} era de outro"}).status
        == 200
    )
    for number, (part, name) in enumerate(FREE_TEXTS):
        named = opening_body([scene.key(f"wrong place, {name}")], f"wrongname{number}")
        typed = scene.key(f"wrong place: {name}")
        named[part][name] = typed.replace("-", "").lower() if name in ("tax_number", "domain_prefix") else f"x {typed}"
        answer = ana.post("/redemptions", named)
        assert (answer.status, answer.codes) == (422, [(f"/{part}/{name}", "malformed")])
    agent = scene.key("wrong place: an agent")
    ana.post("/redemptions", opening_body([scene.key("wrong place, agent")], "wrongthree"), User_Agent=f"x {agent}")
    form = Browser(scene.written, **{"User-Agent": f"x {scene.key('wrong place: the agent of a page')}"})
    scene.canaries.secret("wrong place: resume code", begin(form))
    send_keys(form, scene.key("wrong place, form"))
    keys_are_right(form)
    form.post(path(form, "purpose"), {"target": scene.key("wrong place: a choice")})
    form.post(path(form, "purpose"), {"target": "open"})
    send_organisation(form, name=f"Padaria {scene.key('wrong place: a form')}")
    form.get(path(form, "organisation"))
    send_organisation(form, domain_prefix="wrongform", partner_of_record=scene.key("wrong place: a partner"))
    form.get(path(form, "partner"))
    form.post(path(form, "later"), {"email": scene.key("wrong place: an address for a letter")})
    send_organisation(form, domain_prefix="wrongform")
    assert leads_to(confirm_it(form, fingerprint_of(form.get(path(form, "confirm"))))) == "receipt"


def faults_of_ours(scene: Scene) -> None:
    """A bug whose message has the key in it, behind a page and behind the API."""
    key = scene.key("a bug")

    def bug(*_: object, **__: object) -> None:
        raise RuntimeError(f"boom with {key}, {key.lower()} and {mistyped(key)}")

    with scene.monkeypatch.context() as planted:
        planted.setattr(committing, "weigh", bug)
        assert scene.caller(scene.world.ana).post("/redemptions", opening_body([key], "bugone")).status == 500
        browser = Browser(scene.written)
        begin(browser)
        send_keys(browser, key)
        assert keys_are_right(browser).status_code == 500


def at_the_command_line(scene: Scene) -> None:
    """Keys checked, and keys minted into a file and into an encrypted export."""
    checked, typo = scene.key("command line"), scene.typo("command line")
    scene.written.told += scene.desk("keys", "check", stdin=f"{checked}\n{typo}\n").err
    # The cast's batches take no number from the sequence; those that follow do.
    connection.ensure_connection()
    connection.connection.execute("SELECT setval('keys_serial_number', (SELECT max(number) + 1000 FROM keys_key))")
    plain = scene.folder / "keys.csv"
    minted = scene.desk(
        "batches", "mint", "--product", "office-basic", "--seats", "5", "--months", "12", "--count", "20",
        "--out", str(plain),
    )  # fmt: skip
    assert minted.code == 0, minted.err
    scene.written.told += minted.err + minted.out
    rows = plain.read_text().splitlines()[1:]
    assert len(rows) == 20
    for number, row in enumerate(rows):
        scene.canaries.key(f"minted key {number}", row.split(",")[1])


def the_worker(scene: Scene, checkpoints: Path) -> None:
    """An export is made, letters are posted, the journal is sealed, jobs are handed over."""
    duarte = scene.caller(scene.world.duarte)
    passphrase = scene.canaries.secret("passphrase", "cavalo bateria agrafo correto ninguem")
    body = {"product": "office-basic", "seats": 5, "months": 12, "count": 10, "passphrase": passphrase}
    assert duarte.post("/batches", body).status == 202
    office = MemoryPostOffice()
    letters = LetterDesk(office, means, "https://chaveiro.example", "Tagus Software", wiring.derived_secret("links"))
    worker = Worker(letters, wiring.jobs(), wiring.keyring(), checkpoints)
    worker.relay()
    connection.ensure_connection()
    for number in [row[0] for row in connection.connection.execute("SELECT id FROM notices_owed ORDER BY id")]:
        carry_out(letters, number)
    worker.relay()
    worker.sweep()
    assert office.posted, "nothing was posted, so nothing is proven of letters"
    scene.written.letters = [f"{letter.subject}\n{letter.text}\n{letter.html}" for letter in office.posted]
    scene.written.figures = "".join(Client().get(path).content.decode() for path in ("/metrics", "/readyz", "/livez"))
    assert "owed_effects" in scene.written.figures


def live_everything(scene: Scene) -> None:
    people_at_pages(scene)
    programs_at_the_door(scene)
    drafts_at_the_door(scene)
    keys_in_wrong_places(scene)
    faults_of_ours(scene)
    at_the_command_line(scene)
    the_worker(scene, scene.folder / "checkpoints")
