"""An administrator settles a proposed partner of record: one confirmed at a time, and its reach goes with it."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
-- Answers the organisation that was settled, nothing where no proposal of that id waits for this administrator.
CREATE FUNCTION delegation_settle(proposal uuid, outcome text, not_before timestamptz, instant timestamptz)
RETURNS uuid LANGUAGE plpgsql AS $body$
DECLARE waiting delegation_partnerofrecord;
BEGIN
    IF outcome NOT IN ('confirmed', 'declined') OR scope_kind() <> 'customer' OR NOT EXISTS (
        SELECT FROM customers_role r JOIN customers_person p ON p.id = r.person_id
        WHERE p.account_id = scope_account() AND p.deleted_at IS NULL AND r.customer_id = scope_customer()
          AND r.name = 'administrator' AND r.ended_at IS NULL)
    THEN
        RAISE EXCEPTION 'not allowed' USING ERRCODE = 'CV003';
    END IF;
    SELECT * INTO waiting FROM delegation_partnerofrecord
    WHERE id = proposal AND customer_id = scope_customer() AND state = 'proposed' AND proposed_at > not_before FOR UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    IF outcome = 'confirmed' THEN
        WITH ended AS (
            UPDATE delegation_partnerofrecord d SET state = 'ended', ended_at = instant
            WHERE d.customer_id = waiting.customer_id AND d.subscription_id IS NOT DISTINCT FROM waiting.subscription_id
              AND d.state = 'confirmed' RETURNING d.organisation_id)
        UPDATE customers_reach r SET ended_at = instant FROM ended
        WHERE r.customer_id = waiting.customer_id AND r.organisation_id = ended.organisation_id
          AND r.kind = 'partner_of_record' AND r.subscription_id IS NOT DISTINCT FROM waiting.subscription_id
          AND r.ended_at IS NULL;
        PERFORM customers_reach_out(waiting.customer_id, waiting.organisation_id, 'partner_of_record',
            ARRAY[waiting.subscription_id], instant);
    END IF;
    UPDATE delegation_partnerofrecord SET state = outcome, settled_at = instant WHERE id = waiting.id;
    RETURN waiting.organisation_id;
END $body$;
CALL house_keep('delegation_settle(uuid, text, timestamptz, timestamptz)');

-- Settling is the function's alone from now on.
DROP POLICY web_settles ON delegation_partnerofrecord;
REVOKE UPDATE ON delegation_partnerofrecord FROM {R}_web;
"""

BACKWARD = f"""
GRANT UPDATE (state, settled_at, ended_at) ON delegation_partnerofrecord TO {R}_web;
CREATE POLICY web_settles ON delegation_partnerofrecord FOR UPDATE TO {R}_web USING (
    scope_kind() = 'customer' AND customer_id = scope_customer());
DROP FUNCTION delegation_settle(uuid, text, timestamptz, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("delegation", "0002_walls"),
        ("customers", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
