"""Licences are seen by their customer and the operator; everything along a licence has the same customer (A1)."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('licences_licence');
CALL house_keeper('SELECT, INSERT, UPDATE', 'licences_licence');

ALTER TABLE licences_licence ADD CONSTRAINT licence_person_in_one_customer
    FOREIGN KEY (customer_id, person_id) REFERENCES customers_person (customer_id, id);
ALTER TABLE licences_licence ADD CONSTRAINT licence_subscription_in_one_customer
    FOREIGN KEY (customer_id, subscription_id) REFERENCES subscriptions_subscription (customer_id, id);

GRANT SELECT ON licences_licence TO {R}_web;
CREATE POLICY web_reads ON licences_licence FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator') OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer())));

-- Called inside other rooms' functions, with their rights; answers how many rows it wrote. The seat is counted on the
-- subscription, whose check refuses.
CREATE FUNCTION licences_assign(licence jsonb, instant timestamptz) RETURNS integer LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO licences_licence (id, customer_id, person_id, product_id, subscription_id, automatic, since)
    VALUES ((licence ->> 'id')::uuid, (licence ->> 'customer')::uuid, (licence ->> 'person')::uuid,
        (licence ->> 'product')::bigint, (licence ->> 'subscription')::uuid, true, instant);
    RETURN 1;
END $body$;
"""

BACKWARD = f"""
DROP FUNCTION licences_assign(jsonb, timestamptz);
ALTER TABLE licences_licence DROP CONSTRAINT licence_subscription_in_one_customer;
ALTER TABLE licences_licence DROP CONSTRAINT licence_person_in_one_customer;
DROP POLICY house_system ON licences_licence;
DROP POLICY house_check ON licences_licence;
DROP POLICY house_keeper ON licences_licence;
DROP POLICY web_reads ON licences_licence;
REVOKE ALL ON licences_licence FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE licences_licence NO FORCE ROW LEVEL SECURITY;
ALTER TABLE licences_licence DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("licences", "0001_rows"),
        ("subscriptions", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
