"""The file that keys leave in: whole or clearly unfinished, ours or left alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from uuid import UUID

import pytest

from chaveiro.adapters.keyfile import DiskKeyFile
from chaveiro.rules.exports import FileRefused

BATCH = UUID(int=7)
HEADER, ROW = b"head\n", 4


def file_at(folder: Path, name: str = "keys.csv") -> DiskKeyFile:
    return DiskKeyFile(folder / name, HEADER, ROW)


def begun(folder: Path) -> DiskKeyFile:
    file = file_at(folder)
    file.begin(BATCH)
    return file


def test_a_file_has_its_own_name_only_when_it_is_whole(tmp_path: Path) -> None:
    file = begun(tmp_path)
    file.append(b"one\ntwo\n")
    assert not file.is_finished()
    assert [path.suffix for path in tmp_path.iterdir()] == [".partial"]
    file.finish()
    assert os.listdir(tmp_path) == ["keys.csv"]
    assert (tmp_path / "keys.csv").read_bytes() == b"head\none\ntwo\n"
    assert (tmp_path / "keys.csv").stat().st_mode & 0o777 == 0o600


def test_an_unfinished_file_says_whose_it_is_and_is_gone_on_with(tmp_path: Path) -> None:
    file = begun(tmp_path)
    file.append(b"one\ntwo\nthr")
    file.close()
    again = file_at(tmp_path)
    assert again.batch() == BATCH
    again.begin(BATCH)
    assert again.rows(0, 2) == b"one\ntwo\n"
    assert again.rows(1, 5) == b"two\nthr"
    again.cut(1)
    again.append(b"2nd\n")
    again.finish()
    assert (tmp_path / "keys.csv").read_bytes() == b"head\none\n2nd\n"


def test_the_unfinished_file_of_another_name_is_not_ours(tmp_path: Path) -> None:
    begun(tmp_path).close()
    assert file_at(tmp_path, "keys").batch() is None
    assert file_at(tmp_path, "keys.csv.x").batch() is None


def test_two_unfinished_files_are_for_a_person_to_sort_out(tmp_path: Path) -> None:
    for batch in (BATCH, UUID(int=8)):
        file = file_at(tmp_path)
        file.begin(batch)
        file.close()
    with pytest.raises(FileRefused, match="several"):
        file_at(tmp_path).batch()


@pytest.mark.parametrize("link", [False, True])
def test_a_name_that_is_taken_is_never_overwritten(tmp_path: Path, link: bool) -> None:
    if link:
        (tmp_path / "keys.csv").symlink_to(tmp_path / "elsewhere")
    else:
        (tmp_path / "keys.csv").write_bytes(b"precious")
    with pytest.raises(FileRefused):
        begun(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_name_that_is_taken_meanwhile_is_not_overwritten_either(tmp_path: Path) -> None:
    file = begun(tmp_path)
    file.append(b"one\n")
    (tmp_path / "keys.csv").write_bytes(b"precious")
    with pytest.raises(FileRefused):
        file.finish()
    assert (tmp_path / "keys.csv").read_bytes() == b"precious"
    assert len(os.listdir(tmp_path)) == 2


def test_a_second_name_that_a_kill_left_behind_goes(tmp_path: Path) -> None:
    file = begun(tmp_path)
    file.append(b"one\n")
    (partial,) = tmp_path.iterdir()
    os.link(partial, tmp_path / "keys.csv")
    file.close()
    again = file_at(tmp_path)
    again.read_finished()
    again.close()
    assert os.listdir(tmp_path) == ["keys.csv"]


def test_one_process_at_a_time_writes(tmp_path: Path) -> None:
    file = begun(tmp_path)
    with pytest.raises(FileRefused, match="another process"):
        begun(tmp_path)
    file.close()
    begun(tmp_path).close()


def test_only_a_file_without_rows_is_discarded(tmp_path: Path) -> None:
    begun(tmp_path).discard()
    assert os.listdir(tmp_path) == []
    file = begun(tmp_path)
    file.append(b"one\n")
    file.discard()
    assert len(os.listdir(tmp_path)) == 1


def test_a_torn_header_is_written_again_and_a_foreign_one_is_left_alone(tmp_path: Path) -> None:
    begun(tmp_path).close()
    (partial,) = tmp_path.iterdir()
    partial.write_bytes(b"he")
    begun(tmp_path).close()
    assert partial.read_bytes() == HEADER
    partial.write_bytes(b"something else")
    with pytest.raises(FileRefused, match="not one of ours"):
        begun(tmp_path)
    assert partial.read_bytes() == b"something else"


def test_a_full_disk_is_told_and_nothing_else_is_swallowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = begun(tmp_path)
    for fault, expected in ((errno.ENOSPC, FileRefused), (errno.EIO, OSError)):

        def refuse(*_: object, fault: int = fault) -> int:
            raise OSError(fault, os.strerror(fault))

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", refuse)
            with pytest.raises(expected):
                file.append(b"one\n")
    file.close()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileRefused):
        file_at(tmp_path / "nowhere").batch()
    with pytest.raises(FileRefused):
        begun(tmp_path / "nowhere")
