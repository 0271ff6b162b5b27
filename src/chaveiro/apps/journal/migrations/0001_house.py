"""The scope of a transaction, and the wall that every table of ours stands behind."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

SCOPE = """
CREATE FUNCTION scope_kind() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(current_setting('chaveiro.kind', true), '') $$;
CREATE FUNCTION scope_account() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('chaveiro.account', true), '')::uuid $$;
CREATE FUNCTION scope_organisation() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('chaveiro.organisation', true), '')::uuid $$;
CREATE FUNCTION scope_customer() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('chaveiro.customer', true), '')::uuid $$;
CREATE FUNCTION scope_draft() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('chaveiro.draft', true), '')::uuid $$;
"""

UNSCOPE = """
DROP FUNCTION scope_kind();
DROP FUNCTION scope_account();
DROP FUNCTION scope_organisation();
DROP FUNCTION scope_customer();
DROP FUNCTION scope_draft();
"""

# A walled table: row-level security forced on everybody, its owner too. The house's own processes see all rows,
# `check` reads them, `web` sees what a policy of the table's room lets it see, which is nothing until one says so.
WALL = f"""
CREATE PROCEDURE house_wall(VARIADIC names text[]) LANGUAGE plpgsql AS $body$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY house_system ON %I TO {R}_system USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY house_check ON %I FOR SELECT TO {R}_check USING (true)', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO {R}_system', name);
        EXECUTE format('GRANT SELECT ON %I TO {R}_check', name);
    END LOOP;
END $body$;

-- The keeper owns the SECURITY DEFINER functions; it may do on each table only what those functions need.
CREATE PROCEDURE house_keeper(may text, VARIADIC names text[]) LANGUAGE plpgsql AS $body$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('CREATE POLICY house_keeper ON %I TO {R}_keeper USING (true) WITH CHECK (true)', name);
        EXECUTE format('GRANT %s ON %I TO {R}_keeper', may, name);
    END LOOP;
END $body$;

-- Hands functions to the keeper: they run with its rights, whoever of web and system calls them.
CREATE PROCEDURE house_keep(VARIADIC signatures text[]) LANGUAGE plpgsql AS $body$
DECLARE signature text;
BEGIN
    GRANT CREATE ON SCHEMA public TO {R}_keeper;
    FOREACH signature IN ARRAY signatures LOOP
        EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = public, pg_temp', signature);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {R}_web, {R}_system', signature);
        EXECUTE format('ALTER FUNCTION %s OWNER TO {R}_keeper', signature);
    END LOOP;
    REVOKE CREATE ON SCHEMA public FROM {R}_keeper;
END $body$;

-- The framework's own tables have no rows of ours; `may` is what pages need of them.
CREATE PROCEDURE house_framework(may text, VARIADIC names text[]) LANGUAGE plpgsql AS $body$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY names LOOP
        EXECUTE format('GRANT %s ON %I TO {R}_web, {R}_system', may, name);
        EXECUTE format('GRANT SELECT ON %I TO {R}_check', name);
    END LOOP;
END $body$;

GRANT USAGE ON SCHEMA public TO {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {R}_web, {R}_system, {R}_keeper;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO {R}_check;
"""

UNWALL = f"""
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE ON SEQUENCES FROM {R}_web, {R}_system, {R}_keeper;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON SEQUENCES FROM {R}_check;
REVOKE USAGE ON SCHEMA public FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
DROP PROCEDURE house_framework(text, text[]);
DROP PROCEDURE house_keep(text[]);
DROP PROCEDURE house_keeper(text, text[]);
DROP PROCEDURE house_wall(text[]);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(SCOPE, UNSCOPE),
        migrations.RunSQL(WALL, UNWALL),
    ]
