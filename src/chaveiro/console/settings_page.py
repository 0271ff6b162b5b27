"""`chaveiro settings`: the page of all settings (docs/settings.md), made from the one table that the program reads."""

from __future__ import annotations

from typing import Any

import click

from chaveiro.console import output, startup

HEAD = """# Settings

Environment only. Each variable has a twin with `_FILE` at its end that names a file to read the value from; a secret
is best given that way. What is absent has its default. Made by `chaveiro settings`; do not edit.

| variable | meaning | default |
|---|---|---|
"""


@click.command()
@output.json_option
def settings(as_json: bool) -> None:
    """Print every setting with its meaning and default, as the page docs/settings.md. No value is shown."""
    if as_json:
        output.write_json([_facts(setting) for setting in startup.environment().SETTINGS])
    else:
        output.write(page().rstrip("\n"))


def page() -> str:
    """The text of docs/settings.md."""
    return HEAD + "".join(f"{_row(setting)}\n" for setting in startup.environment().SETTINGS)


def _facts(setting: Any) -> dict[str, object]:
    return {
        "variable": setting.variable,
        "meaning": setting.meaning,
        "default": setting.default,
        "secret": setting.secret,
    }


def _row(setting: Any) -> str:
    default = f"`{setting.default}`" if setting.default else ""
    secret = " Secret." if setting.secret else ""
    meaning = setting.meaning.replace("|", "\\|")
    return f"| `{setting.variable}` | {meaning}{secret} | {default} |"
