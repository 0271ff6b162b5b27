"""The page of settings is made from the table that the program reads, and is current."""

from __future__ import annotations

from pathlib import Path

from chaveiro.config.environment import SETTINGS
from chaveiro.console.settings_page import page
from tests.console.shell import chaveiro

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: script/chaveiro settings > docs/settings.md"


def test_the_command_prints_the_page() -> None:
    assert chaveiro("settings").out == page()


def test_every_setting_is_on_the_page_and_none_s_value() -> None:
    text = page()
    assert [f"`{setting.variable}`" in text for setting in SETTINGS] == [True] * len(SETTINGS)
    told = chaveiro("settings", "--json").json()
    assert [one["variable"] for one in told] == [setting.variable for setting in SETTINGS]
    assert set(told[0]) == {"variable", "meaning", "default", "secret"}
