"""The scripts that a newcomer meets first: what they set up, and that they do it once. uv and pip are played."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from gettext import GNUTranslations
from pathlib import Path

import pytest
from babel.messages.pofile import PoFileError

from chaveiro.console.catalogues import compile_stale

ROOT = Path(__file__).parents[2]
TOOLS = "sh dirname pwd readlink cmp ln rm mkdir rmdir sleep cp mv sed tail ps cat touch"

UV = """#!/bin/sh
echo "uv $*" >>"$CALLS"
case "$1" in
    venv)
        for last; do :; done
        mkdir -p "$last/bin"
        touch "$last/pyvenv.cfg"
        cp "$PLAYED/python" "$last/bin/python" ;;
    pip) sleep 0.3; exit ${UV_FAILS:-0} ;;
esac
"""
PYTHON = """#!/bin/sh
case "$1 $2 $3" in
    "-m venv "*) echo "python -m venv" >>"$CALLS"; mkdir -p "$3/bin"; touch "$3/pyvenv.cfg"; cp "$0" "$3/bin/python" ;;
    "-m pip install") echo "pip $*" >>"$CALLS"; case "$*" in *--target*) exit 1 ;; esac ;;
    "-m pip config") echo "global.index-url='file:///a/mirror'" ;;
esac
"""


@dataclass
class Checkout:
    """A checkout with two small locks, and a machine that has only the programs it is given."""

    root: Path
    bin: Path
    calls: Path

    def play(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def start(self, kind: str = "runtime", **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.root / "script" / "bootstrap", kind],
            env={"PATH": str(self.bin), "CALLS": str(self.calls), "PLAYED": str(self.bin), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def bootstrap(self, kind: str = "runtime", **environment: str) -> subprocess.CompletedProcess[str]:
        with self.start(kind, **environment) as process:
            stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess([], process.returncode, stdout, stderr)

    def installed(self) -> list[str]:
        """The locks that were installed since we last looked, in order."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return [Path(line.split()[-1]).name for line in lines if "pip install" in line and "--target" not in line]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root, programs = tmp_path / "o meu clone", tmp_path / "bin"
    (root / "script").mkdir(parents=True)
    programs.mkdir()
    for name in ("bootstrap", "uv.txt"):
        shutil.copy(ROOT / "script" / name, root / "script" / name)
    (root / "requirements.txt").write_text("django==5.2\n")
    (root / "requirements-test.txt").write_text("django==5.2\npytest==9\n")
    for tool in TOOLS.split():
        (programs / tool).symlink_to(shutil.which(tool) or tool)
    made = Checkout(root, programs, tmp_path / "calls")
    made.play("python", PYTHON)
    made.play("uv", UV)
    return made


def test_the_first_call_sets_up_and_the_second_does_nothing(checkout: Checkout) -> None:
    for expected in (["requirements.txt"], []):
        done = checkout.bootstrap()
        assert (done.returncode, done.stdout) == (0, f"{checkout.root}/.venv/bin/python\n"), done.stderr
        assert checkout.installed() == expected


def test_a_changed_lock_is_installed_again(checkout: Checkout) -> None:
    checkout.bootstrap()
    (checkout.root / "requirements.txt").write_text("django==5.2.1\n")
    checkout.bootstrap()
    assert checkout.installed() == ["requirements.txt", "requirements.txt"]


def test_what_the_tests_need_holds_what_running_needs_and_not_the_other_way_round(checkout: Checkout) -> None:
    for kind in ("runtime", "test", "runtime", "test"):
        assert checkout.bootstrap(kind).returncode == 0
    assert checkout.installed() == ["requirements.txt", "requirements-test.txt"]


def test_an_install_that_fails_is_not_taken_for_done(checkout: Checkout) -> None:
    for program in ("python", "python3"):
        checkout.play(program, "#!/bin/sh\nexit 1\n")
    assert checkout.bootstrap(UV_FAILS="1").returncode == 1
    checkout.play("python", PYTHON)
    assert checkout.bootstrap().returncode == 0
    assert checkout.installed() == ["requirements.txt", "requirements.txt"]


def test_two_at_once_install_once(checkout: Checkout) -> None:
    both = [checkout.start() for _ in range(2)]
    assert [process.communicate(timeout=60)[0] for process in both] == [f"{checkout.root}/.venv/bin/python\n"] * 2
    assert checkout.installed() == ["requirements.txt"]
    assert not os.path.lexists(checkout.root / ".venv.lock")


def test_whoever_was_killed_while_setting_up_blocks_nobody(checkout: Checkout) -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    (checkout.root / ".venv.lock").symlink_to(str(gone.pid))
    assert checkout.bootstrap().returncode == 0
    assert not os.path.lexists(checkout.root / ".venv.lock")


def test_where_uv_cannot_pip_does(checkout: Checkout) -> None:
    done = checkout.bootstrap(UV_FAILS="1")
    assert done.returncode == 0, done.stderr
    assert "pip install" in checkout.calls.read_text().splitlines()[-1]
    assert checkout.installed() == ["requirements.txt", "requirements.txt"]


def test_without_uv_pip_is_asked_for_it_and_then_does_it_itself(checkout: Checkout) -> None:
    (checkout.bin / "uv").unlink()
    assert checkout.bootstrap().returncode == 0
    calls = checkout.calls.read_text().splitlines()
    assert ["--target" in calls[0], calls[1], "requirements.txt" in calls[2]] == [True, "python -m venv", True]
    assert all("--require-hashes" in call for call in calls if "pip install" in call)


def test_uv_is_told_where_pip_looks(checkout: Checkout) -> None:
    checkout.play("uv", UV.replace("pip) ", 'pip) echo "looks at $UV_DEFAULT_INDEX" >>"$CALLS"; '))
    checkout.bootstrap()
    assert "looks at file:///a/mirror" in checkout.calls.read_text()


def test_with_nothing_at_all_one_line_says_what_to_install(checkout: Checkout) -> None:
    for program in ("uv", "python"):
        (checkout.bin / program).unlink()
    done = checkout.bootstrap()
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr


def test_a_folder_that_is_no_environment_is_left_alone(checkout: Checkout) -> None:
    letters = checkout.root / "cartas"
    letters.mkdir()
    (letters / "uma.txt").write_text("querida Ana")
    done = checkout.bootstrap(CHAVEIRO_VENV=str(letters))
    assert done.returncode == 1
    assert [path.name for path in letters.iterdir()] == ["uma.txt"]


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "script").iterdir() if path.suffix != ".txt"))
def test_each_script_is_plain_shell_and_says_what_it_does(script: str) -> None:
    path = ROOT / "script" / script
    first, second = path.read_text().splitlines()[:2]
    assert first == "#!/bin/sh"
    assert second.startswith("# ")
    assert os.access(path, os.X_OK)
    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0


# ── catalogues ──


@pytest.fixture
def write_po(tmp_path: Path) -> Callable[[str], Path]:
    folder = tmp_path / "locale" / "pt_PT" / "LC_MESSAGES"
    folder.mkdir(parents=True)

    def write(text: str) -> Path:
        (folder / "django.po").write_text(text)
        return tmp_path / "locale"

    return write


def test_a_stale_catalogue_is_compiled_and_a_fresh_one_is_not(write_po: Callable[[str], Path]) -> None:
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    locales = write_po(f'{header}msgid "key"\nmsgstr "chave de produto"\n')
    source = locales / "pt_PT" / "LC_MESSAGES" / "django.po"
    assert compile_stale(locales) == [source]
    assert compile_stale(locales) == []
    with source.with_suffix(".mo").open("rb") as compiled:
        assert GNUTranslations(compiled).gettext("key") == "chave de produto"
    later = source.with_suffix(".mo").stat().st_mtime + 2
    os.utime(source, (later, later))
    assert compile_stale(locales) == [source]
    assert [path.name for path in sorted(source.parent.iterdir())] == ["django.mo", "django.po"]


def test_a_broken_catalogue_is_an_error_and_leaves_no_half_of_one(write_po: Callable[[str], Path]) -> None:
    locales = write_po('msgid "key"\nmsgstr "chave"\nmsgchave "?"\n')
    with pytest.raises(PoFileError):
        compile_stale(locales)
    assert [path.name for path in (locales / "pt_PT" / "LC_MESSAGES").iterdir()] == ["django.po"]
