"""Redeeming keys, all of them or none; reading what was redeemed; taking it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Header, Query, Router
from ninja.responses import Status
from pydantic import Discriminator, Field, Tag

from chaveiro import wiring
from chaveiro.api import fields, languages, problems, receipts, writing
from chaveiro.api.authentication import asking
from chaveiro.api.drafts import ResumeCodeHeader, holder_of
from chaveiro.api.paging import Page, listed
from chaveiro.apps.closing.actions import Reversed, reverse
from chaveiro.apps.identity.actions import acting
from chaveiro.apps.redemption import queries
from chaveiro.apps.redemption.actions import OWN, Answering, Order, Outcome, drafting, preview, redeem
from chaveiro.apps.redemption.actions.ordering import refuse
from chaveiro.rules import idempotency, redemption
from chaveiro.rules.actors import Actor, Kind
from chaveiro.rules.authority import CUSTOMER_ROLES, PARTNER_ROLES
from chaveiro.rules.errors import Malformed
from chaveiro.rules.openings import Administrator, NewCustomer
from chaveiro.rules.receipts import RECEIPT_KIND, claims
from chaveiro.rules.redemption import Item
from chaveiro.rules.reversal import AlreadyReversed
from chaveiro.wording import country_codes
