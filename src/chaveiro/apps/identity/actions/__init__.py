"""Accounts and their secrets.

scope      acting as somebody: the one transaction of an act
tokens     bearer tokens for programs
links      one-time links, to sign in, to take ownership, to set a new password
sessions   who is signed in at which browser
accounts   people who may sign in
"""

from chaveiro.apps.identity.actions.scope import Asked, acting, asking, digest_of

__all__ = ["Asked", "acting", "asking", "digest_of"]
