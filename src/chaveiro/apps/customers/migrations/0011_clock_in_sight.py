"""A customer is opened on a test clock only by whose clock it is, and only while the clock goes on."""

from django.db import migrations, models

OPEN = """
CREATE OR REPLACE FUNCTION customers_open(customer jsonb, person jsonb, instant timestamptz) RETURNS integer
LANGUAGE plpgsql AS $body$
DECLARE
    customer_id uuid := (customer ->> 'id')::uuid;
    person_id uuid := (person ->> 'id')::uuid;
BEGIN{look}
    WITH opened AS (
        INSERT INTO customers_customer (id, name, country, tax_number, language, time_zone, domain_prefix, opened_at,
            is_test, contact_email, clock_id)
        VALUES (customer_id, customer ->> 'name', customer ->> 'country', customer ->> 'tax_number',
            customer ->> 'language', customer ->> 'time_zone', customer ->> 'domain_prefix', instant,
            coalesce((customer ->> 'is_test')::boolean, false), '', (customer ->> 'clock')::uuid)),
    administrator AS (
        INSERT INTO customers_person (id, customer_id, account_id, user_name, country_of_use, created_at)
        VALUES (person_id, customer_id, (person ->> 'account')::uuid, person ->> 'user_name', customer ->> 'country',
            instant))
    INSERT INTO customers_role (person_id, customer_id, name, since)
    VALUES (person_id, customer_id, 'administrator', instant);
    RETURN 3;
END $body$;
"""

LOOK = """
    IF customer ->> 'clock' IS NOT NULL THEN
        PERFORM FROM clocks_clock k WHERE k.id = (customer ->> 'clock')::uuid AND k.ended_at IS NULL
            AND seen_clock(k.organisation_id) FOR SHARE;
        IF NOT FOUND THEN RAISE EXCEPTION 'not allowed' USING ERRCODE = 'CV003'; END IF;
    END IF;"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0010_day_at_browser"), ("clocks", "0003_moving")]
    operations = [
        migrations.RunSQL(OPEN.format(look=LOOK), OPEN.format(look="")),
        migrations.AddIndex(
            "customer",
            models.Index(fields=["name"], condition=models.Q(is_test=True), name="test_customer_by_name"),
        ),
    ]
