"""A mail server in a process of its own: it prints its port, and puts each mail that it takes into a file.

python -m tests.stories.smtp_process FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.adapters.mail_servers import MailServer, Script


def main() -> None:
    """Serve until stdin ends, which it does with whoever started this process."""
    folder = Path(sys.argv[1])
    server = MailServer(Script(extensions=()))
    server.received = _Kept(folder)  # type: ignore[assignment]
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.stop()


class _Kept(list[bytes]):
    """A list that is a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder, self._count = folder, 0

    def append(self, mail: bytes) -> None:
        self._count += 1
        (self._folder / f"{self._count:06d}.eml").write_bytes(mail)


if __name__ == "__main__":
    main()
