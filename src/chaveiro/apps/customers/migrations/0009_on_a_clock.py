"""A customer opened on a test clock lives on its day; everybody who may see a customer may know which day it has."""

from django.db import migrations

OPEN = """
CREATE OR REPLACE FUNCTION customers_open(customer jsonb, person jsonb, instant timestamptz) RETURNS integer
LANGUAGE plpgsql AS $body$
DECLARE
    customer_id uuid := (customer ->> 'id')::uuid;
    person_id uuid := (person ->> 'id')::uuid;
BEGIN
    WITH opened AS (
        INSERT INTO customers_customer (id, name, country, tax_number, language, time_zone, domain_prefix, opened_at,
            is_test{more_columns})
        VALUES (customer_id, customer ->> 'name', customer ->> 'country', customer ->> 'tax_number',
            customer ->> 'language', customer ->> 'time_zone', customer ->> 'domain_prefix', instant,
            coalesce((customer ->> 'is_test')::boolean, false){more_values})),
    administrator AS (
        INSERT INTO customers_person (id, customer_id, account_id, user_name, country_of_use, created_at)
        VALUES (person_id, customer_id, (person ->> 'account')::uuid, person ->> 'user_name', customer ->> 'country',
            instant))
    INSERT INTO customers_role (person_id, customer_id, name, since)
    VALUES (person_id, customer_id, 'administrator', instant);
    RETURN 3;
END $body$;
"""

FORWARD = (
    OPEN.format(more_columns=", contact_email, clock_id", more_values=", '', (customer ->> 'clock')::uuid")
    + """
-- The day of a customer's test clock; nothing where it lives by the platform's. For who may see the customer.
CREATE FUNCTION customers_day(wanted uuid) RETURNS TABLE (clock uuid, day date) LANGUAGE plpgsql STABLE AS $body$
BEGIN
    IF NOT seen_customer(wanted) THEN RETURN; END IF;
    RETURN QUERY SELECT k.id, k.day FROM customers_customer c JOIN clocks_clock k ON k.id = c.clock_id
        WHERE c.id = wanted;
END $body$;
CALL house_keep('customers_day(uuid)');
"""
)

BACKWARD = "DROP FUNCTION customers_day(uuid);" + OPEN.format(more_columns=", contact_email", more_values=", ''")


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0008_clocks"),
        ("clocks", "0002_walls"),
        ("customers", "0007_same_tax_number"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
