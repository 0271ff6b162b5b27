"""The project's settings, with the catalogues of a folder that the environment names."""

from __future__ import annotations

import os

from chaveiro.config.settings import *  # noqa: F403

LOCALE_PATHS = [os.environ["PSEUDO_LOCALE"]]
