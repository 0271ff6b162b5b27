"""Publishing: a version of a product, or of a policy, is written once and never changes; what comes next is a draft.

publishing   products, and the first version of a policy
drafting     the next version of a policy, kept as typed, published for new terms
"""

from chaveiro.apps.catalog.actions.drafting import Published, drop_draft, publish_draft, save_draft
from chaveiro.apps.catalog.actions.publishing import (
    PUBLISHING_LOCK,
    STANDARD,
    publish_policy,
    publish_product,
    restore_product,
    retire_product,
)

__all__ = [
    "PUBLISHING_LOCK",
    "STANDARD",
    "Published",
    "drop_draft",
    "publish_draft",
    "publish_policy",
    "publish_product",
    "restore_product",
    "retire_product",
    "save_draft",
]
