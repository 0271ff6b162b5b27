"""Accounts and their secrets.

scope      acting as somebody: the one transaction of an act
tokens     bearer tokens for programs
links      one-time links, to sign in, to take ownership, to set a new password
sessions   who is signed in at which browser
accounts   people who may sign in
"""

from chaveiro.apps.identity.actions.scope import OUTSIDE, SCOPE_SQL, acting, digest_of, scope_of

__all__ = ["OUTSIDE", "SCOPE_SQL", "acting", "digest_of", "scope_of"]
