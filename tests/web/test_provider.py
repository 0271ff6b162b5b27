"""Signing in to a service: sent here, signed in, sent back at once, and what the service is told."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from django.conf import settings as django_settings
from django.test import Client

from chaveiro import wiring
from chaveiro.apps.identity.actions import grants, services
from chaveiro.apps.identity.models import Account, Grant, Session
from chaveiro.apps.licences.models import Licence
from chaveiro.rules import identifiers
from chaveiro.rules.actors import SYSTEM, Actor, Kind
from chaveiro.rules.services import ALGORITHMS
from chaveiro.rules.tokens import Purpose
from tests.cast import BRUNO, DAY, NOON, World, make_keys, means, open_customer
from tests.web.conftest import ENGLISH, link_for, signed_in, text_of, where

pytestmark = pytest.mark.django_db

BACK = "https://office.example/callback"
OUT = "https://office.example/bye"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-000"
SCOPE = "openid profile email organisation entitlements"


@dataclass(slots=True)
class Office:
    """A service of the vendor, as far as it knows the provider: its public document and its own secrets."""

    client_id: str
    secret: str
    http: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def published(self) -> dict[str, Any]:
        return dict(self.http.get("/.well-known/openid-configuration").json())

    def request(self, **changes: str | None) -> str:
        """Where it sends somebody."""
        sent: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": BACK,
            "scope": SCOPE,
            "state": "a state",
            "nonce": "a nonce",
            "code_challenge": create_s256_code_challenge(VERIFIER),
            "code_challenge_method": "S256",
            **changes,
        }
        return "/oidc/authorize?" + urlencode({name: value for name, value in sent.items() if value is not None})

    def token(self, code: str, *, basic: bool = True, **changes: str) -> Any:
        """What it gets for a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
            **({} if basic else {"client_id": self.client_id, "client_secret": self.secret}),
            **changes,
        }
        shown = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {shown}"} if basic else {}
        return self.http.post(
            "/oidc/token",
            urlencode({name: value for name, value in form.items() if value}),
            content_type="application/x-www-form-urlencoded",
            headers=headers,
        )

    def published_keys(self) -> list[dict[str, Any]]:
        return list(self.http.get("/oidc/jwks.json").json()["keys"])

    def claims(self, told: dict[str, Any]) -> dict[str, Any]:
        """The ID token, verified as Authlib's own client does it."""
        header = jwt.get_unverified_header(told["id_token"])
        (key,) = [each for each in self.published_keys() if each["kid"] == header["kid"]]
        off = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
        read = jwt.decode(told["id_token"], jwt.PyJWK(key).key, algorithms=[key["alg"]], options=off)
        claims = CodeIDToken(
            read,
            header,
            {"iss": {"value": self.published()["issuer"]}, "aud": {"value": self.client_id}},
            {"nonce": "a nonce", "client_id": self.client_id, "access_token": told["access_token"]},
        )
        claims.validate(now=int(NOON.timestamp()), leeway=0)
        return dict(read)

    def userinfo(self, access: str) -> Any:
        return self.http.get("/oidc/userinfo", headers={"Authorization": f"Bearer {access}"})


@pytest.fixture
def office(world: World) -> Office:
    return _office()


def _office(**changes: Any) -> Office:
    facts: dict[str, Any] = {"name": "Escritório", "returns": [BACK], "leaves": [OUT]} | changes
    made = services.add_service(actor=SYSTEM, means=means(), **facts)
    return Office(identifiers.write("service", made.service.id), made.client_secret)


@pytest.fixture
def bruno(world: World) -> Actor:
    actor, _ = open_customer(world, make_keys(world))
    return actor


def follow(client: Client, path: str, steps: int = 6) -> Any:
    """The answer at which the installation's own redirects end."""
    answer = Client.generic(client, "GET", path)
    while answer.status_code == 303 and answer["Location"].startswith("/") and steps:
        steps -= 1
        answer = Client.generic(client, "GET", answer["Location"])
    return answer


def told_to(answer: Any) -> dict[str, str]:
    """What a person is sent back to a service with."""
    assert answer.status_code == 303, answer.content[:400]
    address = urlsplit(answer["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == BACK
    return {name: values[0] for name, values in parse_qs(address.query).items()}


def enter(client: Client, office: Office, **changes: str | None) -> dict[str, str]:
    return told_to(follow(client, office.request(**changes)))


# ── the way in ──


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_who_is_signed_in_is_sent_back_at_once_and_the_service_knows_them(
    world: World, bruno: Actor, en: Client, algorithm: str
) -> None:
    office = _office(algorithm=algorithm)
    back = enter(signed_in(en, bruno), office)
    assert (back["state"], back["iss"]) == ("a state", django_settings.BASE_URL)
    answer = office.token(back["code"])
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    told = answer.json()
    assert told["token_type"] == "Bearer"
    claims = office.claims(told)
    assert claims["sub"].startswith("per_")
    assert (claims["name"], claims["email"], claims["locale"]) == ("Bruno Costa", BRUNO.email, "pt-PT")
    assert claims["organisation"] == {
        "id": identifiers.write("customer", bruno.customer),  # type: ignore[arg-type]
        "name": "Padaria Sol, Lda.",
    }
    assert claims["roles"] == ["administrator"]
    assert claims["entitlements"] == [
        {"product": "office-basic", "stage": "active", "may_use": True, "until": "2027-12-22", "reason": None}
    ]
    assert "act" not in claims
    assert jwt.get_unverified_header(told["id_token"])["alg"] == algorithm
    assert "refresh_token" not in told
    info = office.userinfo(told["access_token"]).json()
    assert {name: claims[name] for name in info} == info
    assert info["entitlements"] == claims["entitlements"]


def test_a_library_that_knows_nothing_of_us_verifies_the_token(office: Office, bruno: Actor, en: Client) -> None:
    told = office.token(enter(signed_in(en, bruno), office)["code"]).json()
    published = office.published()
    assert published["jwks_uri"].endswith("/oidc/jwks.json")
    header = jwt.get_unverified_header(told["id_token"])
    (key,) = [each for each in office.published_keys() if each["kid"] == header["kid"]]
    claims = jwt.decode(
        told["id_token"],
        jwt.PyJWK(key).key,
        algorithms=["RS256"],
        audience=office.client_id,
        issuer=published["issuer"],
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["nonce"] == "a nonce"


def test_a_stranger_signs_in_first_and_goes_on_by_a_page_that_goes_on_by_itself(
    office: Office, bruno: Actor, en: Client
) -> None:
    """A form of ours may lead to ourselves alone, so that the last step is none of its redirects."""
    led = follow(en, office.request())
    assert led.status_code == 200
    assert "sign-in" in led.wsgi_request.path_info
    wanted = led.wsgi_request.GET["next"]
    assert wanted.startswith("/oidc/go/")
    assert bruno.account is not None
    answer = en.post(link_for(bruno.account, Purpose.SIGN_IN) + f"?next={wanted}")
    assert answer.status_code == 303
    last = en.get(answer["Location"], headers={"Referer": f"{django_settings.BASE_URL}/sign-in"})
    assert last.status_code == 200
    assert last["Refresh"].startswith(f"0; url={BACK}?code=")
    assert "Escritório" in text_of(last)
    code = parse_qs(urlsplit(last["Refresh"].removeprefix("0; url=")).query)["code"][0]
    assert office.token(code).status_code == 200


def test_of_several_accounts_one_is_chosen(world: World, office: Office, bruno: Actor, en: Client) -> None:
    signed_in(signed_in(en, world.ana), bruno)
    chooser = follow(en, office.request())
    assert chooser.wsgi_request.path_info == "/accounts"
    assert "Padaria Sol" in text_of(chooser)
    wanted = chooser.wsgi_request.GET["next"]
    assert bruno.account is not None
    back = told_to(en.get(f"/a/{bruno.account.hex[-12:]}{wanted}"))
    assert office.claims(office.token(back["code"]).json())["name"] == "Bruno Costa"
    assert enter(en, office, login_hint=BRUNO.email)["code"]


def test_a_partner_s_people_are_named_as_who_acts(world: World, office: Office, en: Client) -> None:
    claims = office.claims(office.token(enter(signed_in(en, world.ana), office)["code"]).json())
    assert claims["sub"].startswith("acc_")
    assert claims["entitlements"] == []
    assert claims["act"] == {"sub": claims["sub"], "organisation": claims["organisation"]}
    assert claims["organisation"]["name"] == "Sol Informática, Lda."


def test_only_what_the_scope_names_is_told(office: Office, bruno: Actor, en: Client) -> None:
    claims = office.claims(office.token(enter(signed_in(en, bruno), office, scope="openid")["code"]).json())
    assert {"name", "email", "organisation", "roles", "entitlements"}.isdisjoint(claims)


def test_who_may_not_use_it_is_told_so_to_the_service(office: Office, bruno: Actor, en: Client) -> None:
    client = signed_in(en, bruno)
    Licence.objects.update(ended_at=NOON)
    (one,) = office.claims(office.token(enter(client, office)["code"]).json())["entitlements"]
    assert (one["may_use"], one["reason"]) == (False, "no_licence")


# ── who is not sent on ──


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"client_id": "svc_" + "0" * 32}, "não está registado"),
        ({"client_id": "nonsense"}, "não está registado"),
        ({"client_id": None}, "não está registado"),
        ({"redirect_uri": "https://evil.example/callback"}, "não registou"),
        ({"redirect_uri": BACK + "/"}, "não registou"),
        ({"redirect_uri": BACK + "?x=1"}, "não registou"),
        ({"redirect_uri": None}, "não registou"),
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_registered(
    office: Office, bruno: Actor, en: Client, changes: dict[str, Any], title: str
) -> None:
    answer = follow(signed_in(en, bruno), office.request(**changes))
    assert answer.status_code == 400
    assert title in text_of(answer)
    assert "evil.example" not in text_of(answer)
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"request": "eyJ"}, "request_not_supported"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"nonce": "n" * 5_000}, "invalid_request"),
    ],
)
def test_what_a_service_asks_wrongly_it_is_told(
    office: Office, bruno: Actor, en: Client, changes: dict[str, Any], error: str
) -> None:
    back = enter(signed_in(en, bruno), office, **changes)
    assert (back["error"], back["state"]) == (error, "a state")
    assert "code" not in back
    assert not Grant.objects.exists()


def test_a_parameter_twice_is_refused(office: Office, bruno: Actor, en: Client) -> None:
    assert told_to(follow(signed_in(en, bruno), office.request() + "&nonce=another"))["error"] == "invalid_request"
    twice = follow(en, office.request() + "&" + urlencode({"redirect_uri": "https://evil.example/"}))
    assert twice.status_code == 400


def test_without_asking_nobody_is_asked(world: World, office: Office, bruno: Actor, en: Client) -> None:
    assert enter(en, office, prompt="none")["error"] == "login_required"
    assert enter(signed_in(en, bruno), office, prompt="none")["code"]
    signed_in(en, world.ana)
    assert enter(en, office, prompt="none")["error"] == "account_selection_required"


def test_whoever_is_to_sign_in_anew_proves_to_be_there(
    office: Office, bruno: Actor, en: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(en, bruno)
    later = means().at(NOON + timedelta(hours=1), DAY)
    monkeypatch.setattr(wiring, "means", lambda: later)
    monkeypatch.setattr(wiring, "now", lambda: later.now)
    monkeypatch.setattr("chaveiro.adapters.clock.now", lambda: later.now)
    for changes in ({"prompt": "login"}, {"max_age": "60"}):
        answer = follow(client, office.request(**changes))
        assert answer.wsgi_request.path_info == "/confirm-it-is-you"
        assert answer.wsgi_request.GET["next"].startswith("/oidc/go/")
    assert enter(client, office, prompt="none", max_age="60")["error"] == "login_required"
    assert enter(client, office, max_age="7200")["code"]
    Session.objects.update(confirmed_at=later.now)
    back = enter(client, office, max_age="60")
    monkeypatch.setattr("tests.web.test_provider.NOON", later.now)
    assert office.claims(office.token(back["code"]).json())["auth_time"] == int(later.now.timestamp())


def test_a_request_that_waits_is_good_at_its_own_browser_and_once(office: Office, bruno: Actor, en: Client) -> None:
    led = Client.get(en, office.request())
    other = signed_in(Client(headers=ENGLISH, raise_request_exception=False), bruno)
    assert other.get(led["Location"]).status_code == 409
    client = signed_in(en, bruno)
    assert client.get(led["Location"]).status_code == 303
    assert client.get(led["Location"]).status_code == 409
    assert client.get("/oidc/go/nonsense").status_code == 409
    assert Grant.objects.count() == 1


def test_a_form_of_a_service_does_as_well_as_a_link(office: Office, bruno: Actor, en: Client) -> None:
    client = signed_in(en, bruno)
    path, _, query = office.request().partition("?")
    answer = Client.post(client, path, query, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 303
    assert told_to(follow(client, answer["Location"]))["code"]


# ── the token endpoint ──


@pytest.fixture
def code(office: Office, bruno: Actor, en: Client) -> str:
    return enter(signed_in(en, bruno), office)["code"]


def test_a_code_opens_once_and_a_second_try_ends_what_it_bought(office: Office, code: str) -> None:
    told = office.token(code).json()
    assert office.userinfo(told["access_token"]).status_code == 200
    again = office.token(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert office.userinfo(told["access_token"]).status_code == 401


def test_a_code_is_good_for_a_minute(office: Office, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "now", lambda: NOON + timedelta(seconds=60))
    assert office.token(code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "another-verifier-of-at-least-forty-three-chars"}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"redirect_uri": "https://office.example/other"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_grant"),
    ],
)
def test_what_comes_with_a_code_must_hold_and_the_code_is_spent(
    office: Office, code: str, changes: dict[str, str], error: str
) -> None:
    answer = office.token(code, **changes)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert office.token(code).json()["error"] == "invalid_grant"
    assert Grant.objects.filter(access_until__gt=NOON).count() == 0


@pytest.mark.parametrize("secret", ["", "wrong", "a" * 32])
def test_a_service_that_has_a_secret_must_show_it(office: Office, code: str, secret: str) -> None:
    right = office.secret
    office.secret = secret
    for basic in (True, False):
        answer = office.token(code, basic=basic)
        assert answer.json()["error"] == "invalid_client"
    office.secret = right
    assert office.token(code, basic=False).status_code == 200


def test_a_code_is_good_for_its_own_service_alone(office: Office, code: str) -> None:
    assert _office(name="Outro").token(code).json()["error"] == "invalid_grant"
    assert office.token(code).status_code == 200


def test_a_service_without_a_secret_proves_itself_by_pkce_alone(bruno: Actor, en: Client) -> None:
    office = _office(confidential=False)
    code = enter(signed_in(en, bruno), office)["code"]
    answer = office.token(code, basic=False)
    assert office.claims(answer.json())["name"] == "Bruno Costa"


@pytest.mark.parametrize("grant", ["refresh_token", "password", "client_credentials", "implicit", ""])
def test_there_is_one_grant(office: Office, code: str, grant: str) -> None:
    assert office.token(code, grant_type=grant).json()["error"] == "unsupported_grant_type"


def test_what_a_sign_in_gave_ends_with_it(office: Office, code: str, en: Client) -> None:
    told = office.token(code).json()
    Client.post(en, f"{en.at}/sign-out")  # type: ignore[attr-defined]
    assert office.userinfo(told["access_token"]).status_code == 401


def test_a_closed_account_gets_nothing(office: Office, code: str) -> None:
    Account.objects.update(closed_at=NOON)
    assert office.token(code).json()["error"] == "invalid_grant"


def test_a_service_that_was_removed_gets_nobody(office: Office, bruno: Actor, en: Client) -> None:
    client = signed_in(en, bruno)
    told = office.token(enter(client, office)["code"]).json()
    services.remove_service(actor=SYSTEM, service=identifiers.read("service", office.client_id), now=NOON)
    assert office.userinfo(told["access_token"]).status_code == 401
    assert follow(client, office.request()).status_code == 400


@pytest.mark.parametrize("access", ["", "nonsense", "chv_" + "a" * 32])
def test_no_good_token_is_told_nothing(office: Office, access: str) -> None:
    answer = office.userinfo(access)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_token"})
    assert "invalid_token" in answer["WWW-Authenticate"]


# ── out again, and what is published ──


def test_a_service_signs_its_person_out_here_too(world: World, office: Office, bruno: Actor, en: Client) -> None:
    signed_in(signed_in(en, world.ana), bruno)
    told = office.token(enter(en, office, login_hint=BRUNO.email)["code"]).json()
    query = urlencode({"id_token_hint": told["id_token"], "post_logout_redirect_uri": OUT, "state": "s 1"})
    answer = Client.get(en, f"/oidc/logout?{query}")
    assert (answer.status_code, answer["Location"]) == (303, f"{OUT}?state=s+1")
    live = Session.objects.filter(ended_at=None).values_list("account__kind", flat=True)
    assert list(live) == [Kind.CHANNEL.value]


def test_nobody_is_signed_out_by_who_does_not_show_their_token(office: Office, bruno: Actor, en: Client) -> None:
    client = signed_in(en, bruno)
    enter(client, office)
    for hint in ("", "nonsense", "eyJhbGciOiJub25lIn0.e30."):
        answer = Client.get(
            client, "/oidc/logout?" + urlencode({"id_token_hint": hint, "post_logout_redirect_uri": OUT})
        )
        assert where(answer) == "/accounts"
    assert Session.objects.filter(ended_at=None).count() == 1


def test_after_signing_out_nobody_is_sent_to_an_address_that_is_not_registered(
    office: Office, bruno: Actor, en: Client
) -> None:
    told = office.token(enter(signed_in(en, bruno), office)["code"]).json()
    query = urlencode({"id_token_hint": told["id_token"], "post_logout_redirect_uri": "https://evil.example/"})
    assert Client.get(en, f"/oidc/logout?{query}").status_code == 400


def test_what_is_published_names_every_endpoint_and_no_secret(office: Office) -> None:
    published = office.published()
    assert published["code_challenge_methods_supported"] == ["S256"]
    assert published["response_types_supported"] == ["code"]
    assert "RS256" in published["id_token_signing_alg_values_supported"]
    kinds = {(key["kty"], key["alg"]) for key in office.published_keys()}
    assert kinds == {("RSA", "RS256"), ("OKP", "EdDSA")}
    assert not {"d", "p", "q"} & {name for key in office.published_keys() for name in key}


def test_without_keys_there_is_no_provider(office: Office, settings: Any, en: Client) -> None:
    settings.OPENID_KEYS = ""
    assert office.http.get("/.well-known/openid-configuration").status_code == 404
    assert office.http.get("/oidc/jwks.json").status_code == 404
    assert office.token("a" * 32).status_code == 404
    assert Client.get(en, office.request()).status_code == 404


def test_old_grants_are_swept(office: Office, code: str) -> None:
    assert grants.sweep(now=NOON + timedelta(hours=23)) == 0
    assert grants.sweep(now=NOON + timedelta(hours=25)) == 1


@pytest.mark.parametrize("path", ["/oidc/token", "/oidc/userinfo", "/.well-known/openid-configuration"])
def test_a_page_of_another_site_may_ask_for_itself(world: World, path: str) -> None:
    """A service that lives in the browser alone: no cookie counts here, so that nothing of anybody's is shown."""
    answer = Client().options(path, headers={"Origin": "https://office.example"})
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Authorization" in answer["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer
