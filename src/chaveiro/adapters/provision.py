"""Makes the five roles and the database on a PostgreSQL server, for `chaveiro init` and the tests.

Running it again is harmless: it makes what is missing and sets the derived passwords anew.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from chaveiro.adapters.database_roles import KEEPER, LOGIN_ROLES, role_name, role_password


def provision(server: str, *, database: str, roles: str, secret: str) -> None:
    """Make roles and `database` on the server that the connection string `server` reaches as a user who may do so.

    Raises psycopg.Error when that user may not create roles or databases.
    """
    with psycopg.connect(server, autocommit=True) as connection:
        for role in (*LOGIN_ROLES, KEEPER):
            _make_role(connection, roles, role, secret)
        owner, keeper = sql.Identifier(role_name(roles, "owner")), sql.Identifier(role_name(roles, KEEPER))
        # The owner's migrations hand functions to the keeper, which PostgreSQL allows to members only.
        # Without inheriting: the keeper's policies are not the owner's.
        _grant_without_inheriting(connection, keeper, owner)
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
        # The house's own processes act for people too (the demo's channel, a queued act): then they take the web's role
        # and stand behind its walls.
        web, system = (sql.Identifier(role_name(roles, role)) for role in ("web", "system"))
        connection.execute(sql.SQL("GRANT {} TO {}").format(web, system))
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if found is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
                    sql.Identifier(database), owner
                )
            )
        connection.execute(
            sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)),
        )
        for role in LOGIN_ROLES:
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                    sql.Identifier(database), sql.Identifier(role_name(roles, role))
                )
            )


def _grant_without_inheriting(
    connection: psycopg.Connection[tuple[object, ...]], role: sql.Identifier, member: sql.Identifier
) -> None:
    # PostgreSQL 15 knows inheritance as a trait of the member only, and an owner without it loses its own schema.
    inherits = sql.SQL(" WITH INHERIT FALSE, SET TRUE" if connection.info.server_version >= 160000 else "")
    connection.execute(sql.SQL("GRANT {} TO {}").format(role, member) + inherits)


def _make_role(connection: psycopg.Connection[tuple[object, ...]], roles: str, role: str, secret: str) -> None:
    name = role_name(roles, role)
    found = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
    if found is None:
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(name)))
    attributes = "NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
    if role == KEEPER:
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN {}").format(sql.Identifier(name), sql.SQL(attributes)))
        return
    password = role_password(secret, roles, role)
    connection.execute(
        sql.SQL("ALTER ROLE {} LOGIN {} PASSWORD {}").format(
            sql.Identifier(name), sql.SQL(attributes), sql.Literal(password)
        )
    )


def standing_faults(connection: psycopg.Connection[tuple[object, ...]], roles: str) -> list[str]:
    """What is wrong with the walls as this connection finds them; empty when a process may serve (6-reliability.md).

    Checked: the role is no superuser and bypasses nothing, and each of our tables forces row-level security.
    """
    faults = []
    rows = connection.execute(
        """SELECT rolsuper OR rolbypassrls, rolname::text, relname::text FROM pg_roles LEFT JOIN pg_class
             ON relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
             AND NOT (relrowsecurity AND relforcerowsecurity)
             AND relname !~ '^(django_|auth_|procrastinate_)'
           WHERE rolname = current_user ORDER BY relname"""
    ).fetchall()
    passes, role, _table = rows[0] if rows else (True, "?", None)
    if passes:
        faults.append(f"the database role {role} is not subject to row-level security")
    if role == role_name(roles, "owner"):
        faults.append("the owner's role is for migrations only")
    faults += [f"the table {table} does not force row-level security" for _, _, table in rows if table]
    return faults
