"""An erasure that was put off has a date of its own; it falls with the end that it belonged to."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
-- The first day on which the data may be erased. A closed subscription waits for the sweep to name that day.
CREATE FUNCTION subscriptions_erases_on(ends_on date, erase_on date, retention_days integer, closed boolean)
RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $body$
    SELECT CASE WHEN closed THEN erase_on ELSE greatest(erase_on, ends_on + retention_days) END
$body$;

CREATE OR REPLACE FUNCTION subscriptions_look_again() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.erase_on IS NOT DISTINCT FROM OLD.erase_on
        AND (OLD.ends_on, OLD.term, OLD.closed_at) IS DISTINCT FROM (NEW.ends_on, NEW.term, NEW.closed_at) THEN
        NEW.erase_on := NULL;
    END IF;
    NEW.due_on := '0001-01-01';
    RETURN NEW;
END $body$;
DROP TRIGGER look_again ON subscriptions_subscription;
CREATE TRIGGER look_again BEFORE UPDATE ON subscriptions_subscription FOR EACH ROW
    WHEN ((OLD.ends_on, OLD.term, OLD.policy_id, OLD.paid_by) IS DISTINCT FROM
            (NEW.ends_on, NEW.term, NEW.policy_id, NEW.paid_by)
        OR (OLD.closed_at, OLD.erased_on, OLD.clock_id) IS DISTINCT FROM (NEW.closed_at, NEW.erased_on, NEW.clock_id)
        -- Whoever puts an erasure off says at once when to look again; anybody else makes it due now.
        OR (OLD.erase_on IS DISTINCT FROM NEW.erase_on AND OLD.due_on = NEW.due_on))
    EXECUTE FUNCTION subscriptions_look_again();
"""

BACKWARD = """
DROP TRIGGER look_again ON subscriptions_subscription;
CREATE OR REPLACE FUNCTION subscriptions_look_again() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    NEW.due_on := '0001-01-01';
    RETURN NEW;
END $body$;
CREATE TRIGGER look_again BEFORE UPDATE ON subscriptions_subscription FOR EACH ROW
    WHEN ((OLD.ends_on, OLD.term, OLD.policy_id, OLD.paid_by) IS DISTINCT FROM
            (NEW.ends_on, NEW.term, NEW.policy_id, NEW.paid_by)
        OR (OLD.closed_at, OLD.erased_on, OLD.clock_id) IS DISTINCT FROM (NEW.closed_at, NEW.erased_on, NEW.clock_id))
    EXECUTE FUNCTION subscriptions_look_again();
DROP FUNCTION subscriptions_erases_on(date, date, integer, boolean);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("subscriptions", "0005_agenda_walls"),
    ]
    operations = [
        migrations.AddField(
            model_name="subscription",
            name="erase_on",
            field=models.DateField(null=True),
        ),
        migrations.AddIndex(
            model_name="subscription",
            index=models.Index(
                condition=models.Q(("erase_on__isnull", False), ("erased_on__isnull", True)),
                fields=["erase_on"],
                name="subscription_erasure_put_off",
            ),
        ),
        # The customer is found by the unique index over (customer, id); a second one only costs at every change.
        migrations.AlterField(
            model_name="subscription",
            name="customer",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="customers.customer"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
