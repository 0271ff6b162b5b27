"""A sample service: it lets people in for as long as their organisation's subscription says, and else says why not.

Every request asks anew. Who was let in a second ago is kept out now, if grace ended or a block was put between.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from entitlements import Answer, Entitlements
from signing_in import NotSignedIn, Provider

COOKIE = "sample_session"
SESSION_SECONDS = 8 * 3600
SESSIONS_AT_MOST = 10_000
STYLE = (
    "body{font:1.05rem/1.5 system-ui,sans-serif;max-width:38rem;margin:4rem auto;padding:0 1rem;color:#1d1d1b;"
    "background:#fdfcf9}a,button{color:#1b4d89}dt{font-weight:600}dd{margin:0 0 .6rem}"
    ".no{border-left:.3rem solid #a33;padding-left:1rem}.yes{border-left:.3rem solid #276b3c;padding-left:1rem}"
)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
# What the platform does not word for us.
WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Serviço de exemplo", "Sample service"),
    "welcome": ("Inicie sessão para trabalhar.", "Sign in to work."),
    "sign_in": ("Iniciar sessão", "Sign in"),
    "sign_out": ("Terminar sessão", "Sign out"),
    "in": ("Pode trabalhar.", "You can work."),
    "out": ("De momento não pode entrar.", "You cannot come in at the moment."),
    "until": ("Se nada mudar, deixa de poder a partir de", "If nothing changes, you cannot any more from"),
    "lifts": ("Quem pode resolver", "Who can lift this"),
    "administrator": ("um administrador da sua organização", "an administrator of your organisation"),
    "partner": ("o parceiro da sua organização", "your organisation’s partner"),
    "operator": ("o fornecedor", "the vendor"),
    "nobody": ("ninguém", "nobody"),
    "product": ("Produto", "Product"),
    "person": ("Pessoa", "Person"),
    "organisation": ("Organização", "Organisation"),
    "code": ("Código", "Code"),
    "no_subscription": (
        "A sua organização não tem uma subscrição deste serviço.",
        "Your organisation has no subscription of this service.",
    ),
    "person_unknown": (
        "A plataforma já não conhece esta conta: os seus dados foram apagados, ou foi encerrada.",
        "The platform does not know this account any more: its data were erased, or it was closed.",
    ),
    "cannot_tell": (
        "Não é possível confirmar agora se pode entrar. Tente de novo dentro de momentos.",
        "Whether you can come in cannot be confirmed now. Try again in a moment.",
    ),
    "not_signed_in": ("Não foi possível iniciar sessão. Tente de novo.", "You could not be signed in. Try again."),
    "absent": ("Não existe esta página.", "There is no such page."),
}


@dataclass(frozen=True)
class Person:
    """Somebody who is signed in here."""

    sub: str
    name: str
    organisation: str
    statement: str
    since: float


class Service:
    """All that the requests share."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.address = str(config["address"]).rstrip("/")
        issuer = str(config["issuer"]).rstrip("/")
        self.provider = Provider(
            issuer, config["client_id"], config.get("client_secret", ""), f"{self.address}/callback"
        )
        self.entitlements = Entitlements(issuer, config["token"], config.get("products", ()))
        self.probe_token = str(config.get("probe_token", ""))
        self._people: OrderedDict[str, Person] = OrderedDict()
        self._lock = threading.Lock()

    def person(self, session: str) -> Person | None:
        """Who is signed in with this cookie."""
        with self._lock:
            found = self._people.get(session)
            if found is not None and time.monotonic() - found.since > SESSION_SECONDS:
                del self._people[session]
                return None
            return found

    def enter(self, claims: Mapping[str, Any], statement: str) -> str:
        """A new session; answers its cookie."""
        session = secrets.token_urlsafe(32)
        organisation = str((claims.get("organisation") or {}).get("name", ""))
        person = Person(claims["sub"], str(claims.get("name", "")), organisation, statement, time.monotonic())
        with self._lock:
            self._people[session] = person
            if len(self._people) > SESSIONS_AT_MOST:
                self._people.popitem(last=False)
        return session

    def leave(self, session: str) -> Person | None:
        """The session is over; answers whose it was."""
        with self._lock:
            return self._people.pop(session, None)


class Door(BaseHTTPRequestHandler):
    """One request."""

    service: Service
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "sample", ""

    def do_GET(self) -> None:
        """Every page; nothing is ever changed by a form."""
        path = urlsplit(self.path)
        act = {
            "/": self._home,
            "/sign-in": self._sign_in,
            "/callback": self._callback,
            "/sign-out": self._sign_out,
            "/check": self._check,
            "/livez": lambda _query: self._send(200, "text/plain", "ok"),
        }.get(path.path)
        if act is None:
            self._page(404, self._said("absent"))
            return
        try:
            act(dict(parse_qsl(path.query)))
        except NotSignedIn as fault:
            self.log_error("not signed in: %s", fault)
            self._page(400, self._said("not_signed_in"), link=("/sign-in", "sign_in"))
        except OSError:
            self._page(503, self._said("cannot_tell"))

    # --- pages ---

    def _home(self, _query: Mapping[str, str]) -> None:
        person = self.service.person(self._cookie())
        if person is None:
            self._page(200, self._said("welcome"), link=("/sign-in", "sign_in"))
            return
        answer = self.service.entitlements.of(language=self._language(), person=person.sub)
        told = [("person", person.name), ("organisation", person.organisation), ("product", answer.product)]
        if answer.allowed:
            until = f"{self._said('until')} {answer.until}." if answer.until else ""
            self._page(200, self._said("in"), until, told, kind="yes", link=("/sign-out", "sign_out"))
            return
        lifts = ", ".join(self._said(who) for who in answer.lifted_by) or self._said("nobody")
        told += [("lifts", lifts), ("code", answer.code)]
        self._page(answer.status, self._said("out"), self._why(answer), told, kind="no", link=("/sign-out", "sign_out"))

    def _sign_in(self, _query: Mapping[str, str]) -> None:
        browser = self._cookie() or secrets.token_urlsafe(32)
        self._go(self.service.provider.address(browser), cookie=browser)

    def _callback(self, query: Mapping[str, str]) -> None:
        claims, statement = self.service.provider.signed_in(query, self._cookie())
        self._go("/", cookie=self.service.enter(claims, statement))

    def _sign_out(self, _query: Mapping[str, str]) -> None:
        person = self.service.leave(self._cookie())
        back = f"{self.service.address}/"
        self._go("/" if person is None else self.service.provider.out(person.statement, back), cookie="")

    def _check(self, query: Mapping[str, str]) -> None:
        """Would this address be let in now? For `chaveiro conformance`; 200 or 403, with the reason."""
        wanted = self.service.probe_token
        if wanted and not self._shows(wanted):
            self._send(401, "application/json", json.dumps({"error": "unauthenticated"}))
            return
        answer = self.service.entitlements.of(language=self._language(), email=query.get("email", ""))
        told = {"allowed": answer.allowed, "code": answer.code or None, "lifted_by": list(answer.lifted_by)}
        self._send(answer.status, "application/json", json.dumps({**told, "detail": self._why(answer)}))

    def _shows(self, token: str) -> bool:
        shown = self.headers.get("Authorization", "").encode("utf-8", "replace")
        return secrets.compare_digest(shown, f"Bearer {token}".encode())

    # --- words and bytes ---

    def _why(self, answer: Answer) -> str:
        if answer.detail:
            return f"{answer.detail} {answer.advice}".strip()
        return self._said(answer.code) if answer.code in WORDS else ""

    def _language(self) -> str:
        first = self.headers.get("Accept-Language", "").strip().lower()
        return "en" if first.startswith("en") else "pt-PT"

    def _said(self, word: str) -> str:
        portuguese, english = WORDS.get(word, (word, word))
        return english if self._language() == "en" else portuguese

    def _page(
        self,
        status: int,
        heading: str,
        text: str = "",
        told: list[tuple[str, str]] | None = None,
        kind: str = "",
        link: tuple[str, str] | None = None,
    ) -> None:
        rows = "".join(
            f"<dt>{escape(self._said(name))}</dt><dd>{escape(value)}</dd>" for name, value in told or () if value
        )
        further = f'<p><a href="{link[0]}">{escape(self._said(link[1]))}</a></p>' if link else ""
        body = (
            f'<!doctype html><html lang="{self._language()}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(self._said('title'))}</title><style>{STYLE}</style></head><body><main>"
            f'<p>{escape(self._said("title"))}</p><div class="{kind}"><h1>{escape(heading)}</h1>'
            f"<p>{escape(text)}</p></div><dl>{rows}</dl>{further}</main></body></html>"
        )
        self._send(status, "text/html; charset=utf-8", body)

    def _go(self, address: str, cookie: str | None = None) -> None:
        self.send_response(303)
        self.send_header("Location", address)
        if cookie is not None:
            secure = "; Secure" if self.service.address.startswith("https:") else ""
            life = SESSION_SECONDS if cookie else 0
            self.send_header("Set-Cookie", f"{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{secure}")
        self._end("")

    def _send(self, status: int, kind: str, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self._end(body)

    def _end(self, body: str) -> None:
        raw = body.encode()
        self.send_header("Content-Length", str(len(raw)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(raw)

    def _cookie(self) -> str:
        found = SimpleCookie(self.headers.get("Cookie", "")).get(COOKIE)
        return found.value if found else ""

    def log_message(self, format: str, *arguments: Any) -> None:
        """The path without what stands behind it: codes and addresses of people are nobody's."""
        told = " ".join(str(one) for one in arguments)
        sys.stderr.write(f"{self.command} {urlsplit(self.path).path} {told if 'not signed in' in format else ''}\n")


def main() -> None:
    """Serve on this machine alone until told to stop."""
    parser = argparse.ArgumentParser(prog="sample_service", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int, default=None, help="absent: that of the address in the file")
    given = parser.parse_args()
    config = json.loads(given.config.read_text(encoding="utf-8"))
    Door.service = Service(config)
    port = given.port or urlsplit(Door.service.address).port or 8100
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", port), Door)
    sys.stderr.write(f"listening on {Door.service.address}\n")
    sys.stderr.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
