"""The walls in the database: what each of the five roles may be, what stands before every table, and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django.apps
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunPython, RunSQL
from psycopg import errors, sql

from chaveiro.adapters.database_roles import KEEPER, LOGIN_ROLES, role_name, role_password
from tests.conftest import SECRET

LIBRARIES = ("django_", "auth_", "procrastinate_")
RLS_IS_FORCED = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = %s::regclass"


def rows(query: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of a query on the standing connection."""
    found: list[tuple[Any, ...]] = connection.connection.execute(query, values or None).fetchall()
    return found


def ours() -> list[str]:
    """Every table in the database that no library brought."""
    connection.ensure_connection()
    tables = rows(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " ORDER BY 1"
    )
    return [name for (name,) in tables if not name.startswith(LIBRARIES)]


@contextmanager
def as_role(role: str) -> Iterator[None]:
    """A role of the house, without any scope, until the block ends."""
    name = sql.Identifier(role_name(settings.DATABASE_ROLES, role))
    connection.connection.execute(sql.SQL("SET ROLE {}").format(name))
    try:
        yield
    finally:
        connection.connection.execute("RESET ROLE")


# ── roles ──


@pytest.mark.django_db
@pytest.mark.parametrize("role", [*LOGIN_ROLES, KEEPER])
def test_no_role_of_ours_passes_a_wall_by(role: str) -> None:
    connection.ensure_connection()
    found = rows(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin FROM pg_roles"
        " WHERE rolname = %s",
        role_name(settings.DATABASE_ROLES, role),
    )
    assert found == [(False, False, False, False, False, role != KEEPER)]


@pytest.mark.django_db
def test_the_web_s_role_is_a_member_of_no_other() -> None:
    connection.ensure_connection()
    prefix = settings.DATABASE_ROLES
    memberships = rows(
        "SELECT m.rolname::text, r.rolname::text FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member"
        " JOIN pg_roles r ON r.oid = a.roleid WHERE m.rolname LIKE %s ORDER BY 1, 2",
        f"{prefix}\\_%",
    )
    assert memberships == [(f"{prefix}_owner", f"{prefix}_keeper"), (f"{prefix}_system", f"{prefix}_web")]


# ── tables ──


@pytest.mark.django_db
def test_every_table_of_ours_forces_row_level_security_on_its_owner_too() -> None:
    known = {model._meta.db_table for room in settings.ROOMS for model in tables_of(room)}
    assert known, "the rooms are not where this test looks"
    assert known <= set(ours())
    assert [table for table in ours() if rows(RLS_IS_FORCED, table) != [(True,)]] == []


def tables_of(room: str) -> list[Any]:
    """The models of a room, those that relations made by themselves too."""
    return list(django.apps.apps.get_app_config(room).get_models(include_auto_created=True))


@pytest.mark.django_db
def test_the_owner_owns_every_table_and_the_keeper_none() -> None:
    connection.ensure_connection()
    owner = role_name(settings.DATABASE_ROLES, "owner")
    found = rows("SELECT tablename::text, tableowner::text FROM pg_tables WHERE schemaname = 'public'")
    assert {table: name for table, name in found if name != owner} == {}


VALUES = {
    "bool": "false",
    "bytea": "'\\x00'",
    "date": "'2026-11-22'",
    "interval": "'1 day'",
    "jsonb": "'{}'",
    "timestamptz": "'2026-11-22 12:00Z'",
    "uuid": "gen_random_uuid()",
}


def fill(table: str) -> None:
    """Put one row into a table, whatever it means: nothing but the wall is asked of it."""
    for (name,) in rows(
        "SELECT conname::text FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", table
    ):
        connection.connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(name))
        )
    columns = rows(
        "SELECT attname::text, typname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = ''",
        table,
    )
    values = [VALUES.get(kind, "'{}'" if kind.startswith("_") else "'1'") for _, kind in columns]
    names = sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    insert = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})")
    connection.connection.execute(insert.format(sql.Identifier(table), names, sql.SQL(", ".join(values))))


def visible(table: str) -> int:
    """How many rows of a table the present role sees; none where it may not look."""
    try:
        with connection.connection.transaction():
            query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            return int(connection.connection.execute(query).fetchone()[0])
    except errors.InsufficientPrivilege:
        return 0


@pytest.fixture
def a_row_in_every_table(db: None) -> list[str]:
    """Every table of ours with a row in it, which the superuser sees."""
    tables = ours()
    connection.connection.execute("SET LOCAL session_replication_role = replica")
    for table in tables:
        fill(table)
    assert [table for table in tables if visible(table) != 1] == []
    return tables


def test_the_web_s_role_without_a_scope_sees_no_row_of_any_table(a_row_in_every_table: list[str]) -> None:
    with as_role("web"):
        assert [table for table in a_row_in_every_table if visible(table)] == []


def test_the_owner_s_role_sees_no_row_of_any_table(a_row_in_every_table: list[str]) -> None:
    with as_role("owner"):
        assert [table for table in a_row_in_every_table if visible(table)] == []


def test_the_house_s_own_processes_see_every_row(a_row_in_every_table: list[str]) -> None:
    for role in ("system", "check"):
        with as_role(role):
            assert [table for table in a_row_in_every_table if not visible(table)] == []


def test_an_open_table_would_be_seen(a_row_in_every_table: list[str]) -> None:
    """The fault that the two tests above are for, planted."""
    connection.connection.execute("ALTER TABLE keys_key DISABLE ROW LEVEL SECURITY")
    assert rows(RLS_IS_FORCED, "keys_key") == [(False,)]
    with as_role("web"):
        assert visible("keys_key") == 1


@pytest.mark.django_db
def test_the_check_s_role_writes_nowhere_and_the_web_s_role_has_nothing_to_do_with_jobs() -> None:
    connection.ensure_connection()
    prefix = settings.DATABASE_ROLES
    granted = rows(
        "SELECT table_name::text, privilege_type::text FROM information_schema.role_table_grants"
        " WHERE grantee = %s AND table_schema = 'public' AND privilege_type <> 'SELECT'",
        f"{prefix}_check",
    )
    assert granted == []
    jobs = rows(
        "SELECT table_name::text FROM information_schema.role_table_grants WHERE grantee = %s"
        " AND table_name LIKE 'procrastinate%%'",
        f"{prefix}_web",
    )
    assert jobs == []


# ── functions ──


@pytest.mark.django_db
def test_a_function_with_the_keeper_s_rights_is_shut_to_strangers_and_looks_nowhere_else() -> None:
    connection.ensure_connection()
    prefix = settings.DATABASE_ROLES
    found = rows(
        "SELECT oid::regprocedure::text, pg_get_userbyid(proowner)::text, %s = ANY (proconfig),"
        " has_function_privilege('public', oid, 'EXECUTE'), has_function_privilege(%s, oid, 'EXECUTE')"
        " FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef",
        "search_path=public, pg_temp",
        f"{prefix}_check",
    )
    assert len(found) > 10, "the functions are not where this test looks"
    assert [name for name, *facts in found if facts != [f"{prefix}_keeper", True, False, False]] == []


# ── the way there and back ──


@pytest.mark.django_db
def test_models_and_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_every_step_has_a_way_back() -> None:
    loader = MigrationLoader(None, ignore_no_migrations=True)
    found = {key: migration for key, migration in loader.disk_migrations.items() if key[0] in settings.ROOMS}
    steps = [(key, step) for key, migration in found.items() for step in migration.operations]
    assert len(steps) > 50, "the migrations are not where this test looks"
    oneway = [key for key, step in steps if isinstance(step, RunSQL | RunPython) and not step.reversible]
    assert oneway == []


CATALOG = {
    "tables": "SELECT relname::text, relkind::text, relowner::regrole::text, relrowsecurity, relforcerowsecurity,"
    " (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(relacl) AS a) FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')",
    "columns": "SELECT attrelid::regclass::text, attname::text, format_type(atttypid, atttypmod), attnotnull,"
    " attidentity::text, pg_get_expr(adbin, adrelid),"
    " (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(attacl) AS a)"
    " FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid"
    " AND adnum = attnum WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0"
    " AND NOT attisdropped",
    "constraints": "SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
    "indexes": "SELECT tablename::text, indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "policies": "SELECT tablename::text, policyname::text, roles::text, cmd, qual, with_check FROM pg_policies",
    "functions": "SELECT oid::regprocedure::text, pg_get_functiondef(oid), proowner::regrole::text,"
    " (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(proacl) AS a) FROM pg_proc"
    " WHERE pronamespace = 'public'::regnamespace",
    "triggers": "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid), tgenabled::text FROM pg_trigger"
    " WHERE NOT tgisinternal",
    "rights by default": "SELECT defaclobjtype::text, defaclacl::text FROM pg_default_acl",
}


def schema() -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the database's catalog says of our schema."""
    connection.ensure_connection()
    return {name: sorted(rows(query), key=repr) for name, query in CATALOG.items()}


def of_libraries(name: str) -> bool:
    """Whether something in the schema came with a library."""
    return name.lstrip('"').startswith((*LIBRARIES, "procrastinate"))


@pytest.mark.timeout(300)
def test_the_whole_schema_goes_away_without_a_trace_and_comes_back_the_same(real_database: str) -> None:
    connections["default"].close()
    owner = role_name(settings.DATABASE_ROLES, "owner")
    password = role_password(SECRET, settings.DATABASE_ROLES, "owner")
    connections["default"].settings_dict.update(USER=owner, PASSWORD=password)
    before = schema()

    MigrationExecutor(connection).migrate([(room, None) for room in settings.ROOMS])
    empty = schema()
    left = {name: [one for one in found if not of_libraries(one[0])] for name, found in empty.items()}
    assert left == {name: [] for name in CATALOG}

    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    after = schema()
    for name, found in before.items():
        assert after[name] == found, f"{name} of {real_database} came back otherwise"
