"""How the embedded server is set: what is decided at its making, what an operator may tune, what nothing may undo."""

from __future__ import annotations

import sys

SUPERUSER = "postgres"
PORT = 5432  # only a part of the socket's name: no port is opened

# Written into postgresql.conf once, when a cluster is made: an operator may change them there.
TUNING = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "jit": "off",
}
# Given at every launch, so that no file can take them away. The last six keep keys and addresses out of the log: the
# text of a failing statement, its parameters, and the row that an error's detail or context would quote.
GUARDS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] ",
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def traits(major: int, durable: bool) -> list[str]:
    """What initdb decides for a cluster's life: scram, UTF-8, checksums, and an order that no system update changes."""
    ctype = "C.UTF-8" if sys.platform == "linux" else "UTF-8"
    chosen = ["--auth=scram-sha-256", f"--username={SUPERUSER}", "--encoding=UTF8", "--data-checksums"]
    chosen += ["--locale=C", f"--lc-ctype={ctype}"]
    if major >= 17:
        chosen += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return chosen if durable else [*chosen, "--no-sync"]


def at_launch(durable: bool, socket_folder: str, wal_compression: str) -> list[str]:
    """The server's arguments. A quoted folder may hold commas, which otherwise part a list of folders."""
    quoted = socket_folder.replace('"', '""')
    settings = GUARDS | (DURABLE if durable else FORGETFUL)
    settings |= {"unix_socket_directories": f'"{quoted}"', "wal_compression": wal_compression}
    return [f"--{name}={value}" for name, value in settings.items()]
