"""Every address of the pages for people."""

from __future__ import annotations

from django.urls import path, re_path

from chaveiro.web import demo, homes, languages, ownership, partners, parts, receipts, sign_in, themes
from chaveiro.web.redeem import confirm, keys, organisation, purpose, start

REFERENCE = r"(?P<reference>[Rr]-[0-9A-Za-z]{4}-[0-9A-Za-z]{4})"
FORM = r"(?P<form>json|jws)"

urlpatterns = [
    path("", start.home),
    path("language", languages.switch),
    path("theme", themes.choose),
    path("redeem", start.start),
    path("redeem/code", start.code),
    path("redeem/resume", start.resume),
    path("redeem/leave", start.leave),
    path("redeem/keys", keys.keys),
    path("redeem/purpose", purpose.purpose),
    path("redeem/organisation", organisation.organisation),
    path("redeem/confirm", confirm.confirm),
    path("redeem/receipt", receipts.receipt),
    re_path(rf"^redeem/receipt\.{FORM}$", receipts.signed_receipt),
    re_path(rf"^receipts/{REFERENCE}$", receipts.by_reference),
    re_path(rf"^receipts/{REFERENCE}\.{FORM}$", receipts.signed_by_reference),
    path("ownership/<str:secret>", ownership.take),
    path("sign-in", sign_in.with_password),
    path("sign-in/<str:secret>", sign_in.by_link),
    path("sign-out", sign_in.out),
    path("home", homes.home),
    path("partners-of-record/<uuid:proposal>", partners.settle),
    path("demo/mail", demo.letters),
    path("demo/parts", parts.parts),
    path("demo/mail/<str:name>", demo.letter),
]
