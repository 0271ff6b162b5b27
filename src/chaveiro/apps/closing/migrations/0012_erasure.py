"""Erasures with their proof, evidence in the place of a mail, and the day on which more than usual were due."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

R = settings.DATABASE_ROLES

WALLS = f"""
CALL house_wall('closing_erasure', 'closing_evidence', 'closing_erasingday', 'closing_dataexport');
CALL house_keeper('SELECT, INSERT', 'closing_erasure');

ALTER TABLE closing_erasure ADD CONSTRAINT erasure_in_one_customer
    FOREIGN KEY (customer_id, subscription_id) REFERENCES subscriptions_subscription (customer_id, id);
ALTER TABLE closing_evidence ADD CONSTRAINT evidence_in_one_customer
    FOREIGN KEY (customer_id, subscription_id) REFERENCES subscriptions_subscription (customer_id, id);

GRANT SELECT ON closing_erasure TO {R}_web;
CREATE POLICY web_reads ON closing_erasure FOR SELECT TO {R}_web USING (
    (SELECT scope_kind() = 'operator')
    OR ((SELECT scope_kind() = 'customer') AND customer_id = (SELECT scope_customer()))
    OR ((SELECT scope_kind() = 'channel') AND kind <> 'person' AND EXISTS (
        SELECT FROM customers_reach r
        WHERE r.organisation_id = (SELECT scope_organisation()) AND r.customer_id = closing_erasure.customer_id
          AND r.ended_at IS NULL AND (r.subscription_id IS NULL OR r.subscription_id = closing_erasure.subscription_id))));
CREATE FUNCTION seen_erasure(customer uuid, subscription uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT CASE scope_kind() WHEN 'operator' THEN true WHEN 'system' THEN true
        WHEN 'customer' THEN customer = scope_customer()
        WHEN 'channel' THEN EXISTS (SELECT FROM customers_reach r WHERE r.customer_id = customer
            AND r.organisation_id = scope_organisation() AND r.ended_at IS NULL
            AND (r.subscription_id IS NULL OR r.subscription_id = subscription))
        ELSE false END
$body$;

GRANT SELECT, INSERT ON closing_evidence TO {R}_web;
GRANT UPDATE (approved_by, approved_on, approved_at, withdrawn_by, withdrawn_at) ON closing_evidence TO {R}_web;
CREATE POLICY web_reads ON closing_evidence FOR SELECT TO {R}_web USING (scope_kind() = 'operator');
CREATE POLICY web_records ON closing_evidence FOR INSERT TO {R}_web WITH CHECK (
    scope_kind() = 'operator' AND proposed_by = scope_account() AND approved_at IS NULL AND withdrawn_at IS NULL);
CREATE POLICY web_settles ON closing_evidence FOR UPDATE TO {R}_web
    USING (scope_kind() = 'operator' AND approved_at IS NULL AND withdrawn_at IS NULL)
    WITH CHECK (scope_kind() = 'operator' AND scope_account() IN (approved_by, withdrawn_by));

GRANT SELECT ON closing_erasingday TO {R}_web;
GRANT UPDATE (most, allowed_by, allowed_at, asked_at) ON closing_erasingday TO {R}_web;
CREATE POLICY web_reads ON closing_erasingday FOR SELECT TO {R}_web USING (scope_kind() = 'operator');
CREATE POLICY web_allows ON closing_erasingday FOR UPDATE TO {R}_web
    USING (scope_kind() = 'operator') WITH CHECK (scope_kind() = 'operator' AND allowed_by = scope_account());

GRANT SELECT ON closing_dataexport TO {R}_web;
CREATE POLICY web_reads ON closing_dataexport FOR SELECT TO {R}_web USING (account_id = scope_account());
"""

UNWALLS = f"""
DROP POLICY house_system ON closing_dataexport;
DROP POLICY house_check ON closing_dataexport;
DROP POLICY web_reads ON closing_dataexport;
REVOKE ALL ON closing_dataexport FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE closing_dataexport NO FORCE ROW LEVEL SECURITY;
ALTER TABLE closing_dataexport DISABLE ROW LEVEL SECURITY;
DROP FUNCTION seen_erasure(uuid, uuid);
ALTER TABLE closing_evidence DROP CONSTRAINT evidence_in_one_customer;
ALTER TABLE closing_erasure DROP CONSTRAINT erasure_in_one_customer;
DROP POLICY house_system ON closing_erasure;
DROP POLICY house_check ON closing_erasure;
DROP POLICY house_keeper ON closing_erasure;
DROP POLICY web_reads ON closing_erasure;
REVOKE ALL ON closing_erasure FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE closing_erasure NO FORCE ROW LEVEL SECURITY;
ALTER TABLE closing_erasure DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON closing_evidence;
DROP POLICY house_check ON closing_evidence;
DROP POLICY web_reads ON closing_evidence;
DROP POLICY web_records ON closing_evidence;
DROP POLICY web_settles ON closing_evidence;
REVOKE ALL ON closing_evidence FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE closing_evidence NO FORCE ROW LEVEL SECURITY;
ALTER TABLE closing_evidence DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON closing_erasingday;
DROP POLICY house_check ON closing_erasingday;
DROP POLICY web_reads ON closing_erasingday;
DROP POLICY web_allows ON closing_erasingday;
REVOKE ALL ON closing_erasingday FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE closing_erasingday NO FORCE ROW LEVEL SECURITY;
ALTER TABLE closing_erasingday DISABLE ROW LEVEL SECURITY;
"""

# What was erased stays erased, and its record stays as it was written; only what is still to happen is filled in.
STAYS = """
-- What ended and was not erased, the longest ago first: for whoever looks at what is due.
CREATE INDEX subscription_to_erase ON subscriptions_subscription (ends_on, id) WHERE erased_on IS NULL;

CREATE FUNCTION closing_erasure_stays() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.day IS NULL THEN RETURN OLD; END IF;
    ELSIF (OLD.day IS NULL OR (OLD.day, OLD.at, OLD.proof, OLD.rows) IS NOT DISTINCT FROM
            (NEW.day, NEW.at, NEW.proof, NEW.rows))
        AND (OLD.key_destroyed_at IS NULL OR OLD.key_destroyed_at = NEW.key_destroyed_at)
        AND (OLD.id, OLD.kind, OLD.customer_id, OLD.subscription_id, OLD.person_id, OLD.due_on) IS NOT DISTINCT FROM
            (NEW.id, NEW.kind, NEW.customer_id, NEW.subscription_id, NEW.person_id, NEW.due_on) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the record of an erasure stays' USING ERRCODE = 'integrity_constraint_violation';
END $body$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON closing_erasure FOR EACH ROW EXECUTE FUNCTION closing_erasure_stays();

CREATE FUNCTION closing_stays_erased() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'what was erased does not come back' USING ERRCODE = 'integrity_constraint_violation';
END $body$;
CREATE TRIGGER stays_erased BEFORE UPDATE ON subscriptions_subscription FOR EACH ROW
    WHEN (OLD.erased_on IS NOT NULL AND (OLD.erased_on, OLD.ends_on, OLD.seats, OLD.credit, OLD.version)
        IS DISTINCT FROM (NEW.erased_on, NEW.ends_on, NEW.seats, NEW.credit, NEW.version))
    EXECUTE FUNCTION closing_stays_erased();

-- The ledger never changes, but for this: a reason that somebody typed goes with the subscription that it was about.
CREATE FUNCTION closing_ledger_keeps() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.why = '' AND to_jsonb(OLD) - 'why' = to_jsonb(NEW) - 'why'
        AND EXISTS (SELECT FROM subscriptions_subscription s WHERE s.id = OLD.subscription_id
            AND s.erased_on IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% rows never change', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $body$;
DROP TRIGGER never_changes ON subscriptions_ledgerrow;
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON subscriptions_ledgerrow
    FOR EACH ROW EXECUTE FUNCTION closing_ledger_keeps();
"""

UNSTAYS = """
DROP INDEX subscription_to_erase;
DROP TRIGGER never_changes ON subscriptions_ledgerrow;
CREATE TRIGGER never_changes BEFORE UPDATE OR DELETE ON subscriptions_ledgerrow
    FOR EACH ROW EXECUTE FUNCTION house_immutable();
DROP FUNCTION closing_ledger_keeps();
DROP TRIGGER stays_erased ON subscriptions_subscription;
DROP FUNCTION closing_stays_erased();
DROP TRIGGER stays ON closing_erasure;
DROP FUNCTION closing_erasure_stays();
"""

ACTS = """
-- The sweep, and the eraser before it, look at this subscription again today: somebody settled what it waited for.
CREATE FUNCTION closing_look_again(subscription uuid) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    IF scope_kind() IN ('operator', 'system') THEN
        UPDATE subscriptions_subscription SET due_on = '0001-01-01' WHERE id = subscription AND erased_on IS NULL;
    END IF;
END $body$;

-- What a certificate says, for whoever names it: its id is in the hands of those who were told, and it holds ids only.
CREATE FUNCTION closing_certificate(wanted uuid) RETURNS jsonb LANGUAGE sql STABLE AS $body$
    SELECT jsonb_build_object('id', e.id, 'kind', e.kind, 'customer', e.customer_id, 'subscription', e.subscription_id,
        'person', e.person_id, 'due_on', e.due_on, 'day', e.day, 'at', e.at, 'proof', e.proof, 'rows', e.rows,
        'key_destroyed_at', e.key_destroyed_at, 'ends_on', s.ends_on, 'seats', s.seats, 'product', p.code)
    FROM closing_erasure e
    LEFT JOIN subscriptions_subscription s ON s.id = e.subscription_id
    LEFT JOIN catalog_product p ON p.id = s.product_id
    WHERE e.id = wanted AND e.day IS NOT NULL
$body$;

-- A person leaves for good: no role, no licence, no way to sign in from now on; what is kept of them goes after the
-- commit. By an administrator of their organisation or by themselves; never the last administrator.
CREATE FUNCTION closing_let_go(person uuid, erasure uuid, on_day date, instant timestamptz) RETURNS text
LANGUAGE plpgsql AS $body$
DECLARE
    one customers_person%ROWTYPE;
    actor jsonb := jsonb_build_object('kind', scope_kind(), 'account', scope_account(),
        'organisation', scope_organisation());
BEGIN
    SELECT * INTO one FROM customers_person p WHERE p.id = person AND p.customer_id = scope_customer();
    IF NOT FOUND THEN RETURN 'not_found'; END IF;
    -- Subscriptions before their customer: everybody takes these locks in this order.
    PERFORM FROM subscriptions_subscription s WHERE s.id IN (SELECT l.subscription_id FROM licences_licence l
        WHERE l.person_id = person AND l.ended_at IS NULL) ORDER BY s.id FOR UPDATE;
    PERFORM FROM customers_customer c WHERE c.id = one.customer_id FOR UPDATE;
    IF one.account_id <> scope_account() AND NOT EXISTS (
            SELECT FROM customers_role r JOIN customers_person p ON p.id = r.person_id
            WHERE p.account_id = scope_account() AND p.deleted_at IS NULL AND r.customer_id = one.customer_id
              AND r.name = 'administrator' AND r.ended_at IS NULL) THEN
        RETURN 'role_required';
    END IF;
    IF EXISTS (SELECT FROM closing_erasure e WHERE e.person_id = person) THEN RETURN 'done'; END IF;
    IF NOT EXISTS (SELECT FROM customers_role r JOIN customers_person p ON p.id = r.person_id
            WHERE r.customer_id = one.customer_id AND r.name = 'administrator' AND r.ended_at IS NULL
              AND p.deleted_at IS NULL AND p.id <> person) THEN
        RETURN 'last_administrator';
    END IF;
    INSERT INTO closing_erasure (id, kind, customer_id, person_id, due_on, begun_on, proof, rows)
    VALUES (erasure, 'person', one.customer_id, person, on_day, on_day, '{}', '{}');
    UPDATE subscriptions_subscription s SET assigned = s.assigned - held.licences
    FROM (SELECT l.subscription_id, count(*)::integer AS licences FROM licences_licence l
        WHERE l.person_id = person AND l.ended_at IS NULL GROUP BY l.subscription_id) AS held
    WHERE s.id = held.subscription_id;
    UPDATE licences_licence SET ended_at = instant WHERE person_id = person AND ended_at IS NULL;
    UPDATE customers_role SET ended_at = instant WHERE person_id = person AND ended_at IS NULL;
    UPDATE customers_person SET deleted_at = coalesce(deleted_at, instant) WHERE id = person;
    UPDATE identity_account SET closed_at = coalesce(closed_at, instant) WHERE id = one.account_id;
    PERFORM journal_append(jsonb_build_array(jsonb_build_object('tag', 'person:deleted', 'subject_kind', 'person',
        'subject_id', person::text, 'facts', jsonb_build_object('erasure', erasure::text))), actor, one.customer_id,
        instant);
    PERFORM notices_owe(jsonb_build_array(jsonb_build_object('kind', 'erase_person',
        'facts', jsonb_build_object('erasure', erasure::text))), instant);
    RETURN '';
END $body$;
CALL house_keep('closing_look_again(uuid)', 'closing_certificate(uuid)',
    'closing_let_go(uuid, uuid, date, timestamptz)');
"""

UNACTS = """
DROP FUNCTION closing_let_go(uuid, uuid, date, timestamptz);
DROP FUNCTION closing_certificate(uuid);
DROP FUNCTION closing_look_again(uuid);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("closing", "0011_policies"),
        ("customers", "0009_on_a_clock"),
        ("subscriptions", "0006_erase_on"),
        ("licences", "0002_walls"),
        ("catalog", "0002_walls"),
        ("notices", "0006_notice_walls"),
    ]
    operations = [
        migrations.CreateModel(
            name="ErasingDay",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("most", models.IntegerField()),
                ("erased", models.IntegerField(default=0)),
                ("wanted", models.IntegerField(default=0)),
                ("asked_at", models.DateTimeField(null=True)),
                ("allowed_by", models.UUIDField(null=True)),
                ("allowed_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("erased__lte", models.F("most")), ("wanted__gte", 0)), name="no_more_than_allowed_are_erased")],
            },
        ),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("person_id", models.UUIDField(null=True)),
                ("due_on", models.DateField()),
                ("begun_on", models.DateField()),
                ("waits_until", models.DateField(null=True)),
                ("day", models.DateField(null=True)),
                ("at", models.DateTimeField(null=True)),
                ("proof", models.JSONField(default=dict)),
                ("rows", models.JSONField(default=dict)),
                ("key_destroyed_at", models.DateTimeField(null=True)),
                ("customer", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="customers.customer")),
                ("subscription", models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="subscriptions.subscription")),
            ],
            options={
                "indexes": [models.Index(fields=["customer", "begun_on"], name="erasure_by_customer"), models.Index(condition=models.Q(("day__isnull", False)), fields=["-at"], name="erasure_latest"), models.Index(condition=models.Q(("day__isnull", True)), fields=["waits_until"], name="erasure_waiting"), models.Index(condition=models.Q(("day__isnull", False), ("key_destroyed_at__isnull", True), models.Q(("kind", "person"), _negated=True)), fields=["id"], name="erasure_with_its_key")],
                "constraints": [models.CheckConstraint(condition=models.Q(models.Q(("kind", "subscription"), ("person_id__isnull", True), ("subscription__isnull", False)), models.Q(("kind", "customer"), ("person_id__isnull", True), ("subscription__isnull", True)), models.Q(("kind", "person"), ("person_id__isnull", False), ("subscription__isnull", True)), _connector="OR"), name="erasure_says_of_whom"), models.CheckConstraint(condition=models.Q(models.Q(("at__isnull", True), ("day__isnull", True)), models.Q(("at__isnull", False), ("day__isnull", False)), _connector="OR"), name="erasure_is_done_on_a_day"), models.CheckConstraint(condition=models.Q(("day__isnull", True), ("day__gte", models.F("due_on")), _connector="OR"), name="erasure_is_never_early"), models.UniqueConstraint(condition=models.Q(("kind", "subscription")), fields=("subscription",), name="subscription_is_erased_once"), models.UniqueConstraint(condition=models.Q(("kind", "customer")), fields=("customer",), name="customer_is_erased_once"), models.UniqueConstraint(condition=models.Q(("kind", "person")), fields=("person_id",), name="person_is_erased_once")],
            },
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("term", models.IntegerField()),
                ("text", models.TextField()),
                ("told_on", models.DateField()),
                ("proposed_by", models.UUIDField(null=True)),
                ("proposed_at", models.DateTimeField()),
                ("approved_by", models.UUIDField(null=True)),
                ("approved_on", models.DateField(null=True)),
                ("approved_at", models.DateTimeField(null=True)),
                ("withdrawn_by", models.UUIDField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("customer", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="customers.customer")),
                ("subscription", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="subscriptions.subscription")),
            ],
            options={
                "indexes": [models.Index(fields=["subscription"], name="evidence_by_subscription")],
                "constraints": [models.UniqueConstraint(condition=models.Q(("approved_at__isnull", True), ("withdrawn_at__isnull", True)), fields=("subscription", "term"), name="evidence_waits_once"), models.CheckConstraint(condition=models.Q(("approved_at__isnull", True), ("withdrawn_at__isnull", True), _connector="OR"), name="evidence_is_settled_once")],
            },
        ),
        migrations.CreateModel(
            name="DataExport",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("operation_id", models.UUIDField()),
                ("account_id", models.UUIDField()),
                ("part", models.IntegerField()),
                ("sealed", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                ("customer", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="customers.customer")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["created_at"], name="data_export_by_age"),
                    models.Index(fields=["customer"], name="data_export_by_customer"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("operation_id", "part"), name="data_export_part_is_one"),
                ],
            },
        ),
        migrations.RunSQL(WALLS, UNWALLS),
        migrations.RunSQL(STAYS, UNSTAYS),
        migrations.RunSQL(ACTS, UNACTS),
    ]
