"""A customer is seen by itself, by the partners who reach it, and by the operator."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('customers_customer', 'customers_person', 'customers_role', 'customers_reach');
CALL house_keeper('SELECT, INSERT, UPDATE', 'customers_customer', 'customers_person', 'customers_role', 'customers_reach');

ALTER TABLE customers_person ADD CONSTRAINT person_with_its_customer UNIQUE (customer_id, id);
ALTER TABLE customers_role ADD CONSTRAINT role_in_one_customer
    FOREIGN KEY (customer_id, person_id) REFERENCES customers_person (customer_id, id);

GRANT SELECT ON customers_customer, customers_person, customers_role, customers_reach TO {R}_web;
CREATE POLICY web_reads ON customers_reach FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'channel') AND organisation_id = (SELECT scope_organisation()))
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer())));
CREATE POLICY web_reads ON customers_customer FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND id IN (
        SELECT r.customer_id FROM customers_reach r
        WHERE r.organisation_id = (SELECT scope_organisation()) AND r.ended_at IS NULL)));
CREATE POLICY web_reads ON customers_person FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator') OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer())));
CREATE POLICY web_reads ON customers_role FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator') OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer())));

-- Called inside other rooms' functions, with their rights; each answers how many rows it wrote.
CREATE FUNCTION customers_open(customer jsonb, person jsonb, instant timestamptz) RETURNS integer
LANGUAGE plpgsql AS $body$
DECLARE
    customer_id uuid := (customer ->> 'id')::uuid;
    person_id uuid := (person ->> 'id')::uuid;
BEGIN
    WITH opened AS (
        INSERT INTO customers_customer (id, name, country, tax_number, language, time_zone, domain_prefix, opened_at,
            is_test)
        VALUES (customer_id, customer ->> 'name', customer ->> 'country', customer ->> 'tax_number',
            customer ->> 'language', customer ->> 'time_zone', customer ->> 'domain_prefix', instant,
            coalesce((customer ->> 'is_test')::boolean, false))),
    administrator AS (
        INSERT INTO customers_person (id, customer_id, account_id, user_name, country_of_use, created_at)
        VALUES (person_id, customer_id, (person ->> 'account')::uuid, person ->> 'user_name', customer ->> 'country',
            instant))
    INSERT INTO customers_role (person_id, customer_id, name, since)
    VALUES (person_id, customer_id, 'administrator', instant);
    RETURN 3;
END $body$;

CREATE FUNCTION customers_reach_out(of_customer uuid, by_organisation uuid, as_kind text, subscriptions uuid[],
    instant timestamptz) RETURNS integer LANGUAGE plpgsql AS $body$
DECLARE written integer;
BEGIN
    INSERT INTO customers_reach (customer_id, organisation_id, kind, subscription_id, since)
    SELECT of_customer, by_organisation, as_kind, one, instant FROM unnest(subscriptions) AS one
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END $body$;

-- Whether a prefix is free, told to anybody: user names are public on every envelope.
CREATE FUNCTION customers_prefix_is_free(prefix text) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT NOT EXISTS (SELECT FROM customers_customer WHERE domain_prefix = prefix)
$body$;
CALL house_keep('customers_prefix_is_free(text)');
"""

BACKWARD = f"""
DROP FUNCTION customers_prefix_is_free(text);
DROP FUNCTION customers_reach_out(uuid, uuid, text, uuid[], timestamptz);
DROP FUNCTION customers_open(jsonb, jsonb, timestamptz);
ALTER TABLE customers_role DROP CONSTRAINT role_in_one_customer;
ALTER TABLE customers_person DROP CONSTRAINT person_with_its_customer;
DROP POLICY house_system ON customers_customer;
DROP POLICY house_check ON customers_customer;
DROP POLICY house_keeper ON customers_customer;
DROP POLICY web_reads ON customers_customer;
REVOKE ALL ON customers_customer FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE customers_customer NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customers_customer DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON customers_person;
DROP POLICY house_check ON customers_person;
DROP POLICY house_keeper ON customers_person;
DROP POLICY web_reads ON customers_person;
REVOKE ALL ON customers_person FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE customers_person NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customers_person DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON customers_role;
DROP POLICY house_check ON customers_role;
DROP POLICY house_keeper ON customers_role;
DROP POLICY web_reads ON customers_role;
REVOKE ALL ON customers_role FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE customers_role NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customers_role DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON customers_reach;
DROP POLICY house_check ON customers_reach;
DROP POLICY house_keeper ON customers_reach;
DROP POLICY web_reads ON customers_reach;
REVOKE ALL ON customers_reach FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE customers_reach NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customers_reach DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0001_rows"),
        ("channel", "0002_walls"),
        ("identity", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
