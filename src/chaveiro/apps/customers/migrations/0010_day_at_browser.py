"""Each request of a page knows its customer's day: that of the test clock on which the customer lives, if it does."""

from django.db import migrations

DROP = "DROP FUNCTION customers_at_browser(bytea, text, timestamptz);"

# As in 0004; `day` is nothing where the account's customer lives by the platform's.
AT_BROWSER = """
CREATE FUNCTION customers_at_browser(secret bytea, wanted text, instant timestamptz)
RETURNS TABLE (session uuid, live boolean, how text, started_at timestamptz, seen_at timestamptz, ends_at timestamptz,
    confirmed_at timestamptz, account uuid, kind text, organisation uuid, customer uuid, login_name text, email text,
    alternate_email text, given_name text, family_name text, language text, time_zone text, owned boolean, home text,
    roles text[]{more_columns})
LANGUAGE plpgsql STABLE AS $body$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT s.id, s.ended_at IS NULL AND s.ends_at > instant, s.how, s.started_at, s.seen_at, s.ends_at, s.confirmed_at,
        a.id, a.kind, a.organisation_id, a.customer_id, a.login_name, a.email, a.alternate_email, a.given_name,
        a.family_name, a.language, a.time_zone, a.owned_at IS NOT NULL, coalesce(c.name, o.name, ''),
        CASE WHEN right(a.id::text, 12) = wanted THEN ARRAY(
            SELECT m.role FROM channel_member m
            WHERE a.kind IN ('channel', 'operator') AND m.account_id = a.id AND m.ended_at IS NULL
              AND (a.organisation_id IS NULL OR m.organisation_id = a.organisation_id)
            UNION
            SELECT r.name FROM customers_person p JOIN customers_role r ON r.person_id = p.id
            WHERE p.account_id = a.id AND p.deleted_at IS NULL AND r.customer_id = a.customer_id AND r.ended_at IS NULL
        ) ELSE '{{}}' END{more_values}
    FROM identity_session s
    JOIN identity_account a ON a.id = s.account_id
    LEFT JOIN customers_customer c ON c.id = a.customer_id
    LEFT JOIN channel_organisation o ON o.id = a.organisation_id{more_tables}
    WHERE s.browser = secret AND NOT s.forgotten AND a.closed_at IS NULL
    ORDER BY s.started_at, s.id;
END $body$;
CALL house_keep('customers_at_browser(bytea, text, timestamptz)');
"""

FORWARD = DROP + AT_BROWSER.format(
    more_columns=", clock text, day date",
    more_values=", k.name, k.day",
    more_tables="\n    LEFT JOIN clocks_clock k ON k.id = c.clock_id",
)
BACKWARD = DROP + AT_BROWSER.format(more_columns="", more_values="", more_tables="")


class Migration(migrations.Migration):
    dependencies = [("customers", "0009_on_a_clock"), ("customers", "0004_at_browser"), ("clocks", "0002_walls")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
