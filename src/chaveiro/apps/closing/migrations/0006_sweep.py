"""What is owed in a subscription's life, slot by slot, and to whom it is owed: what the sweep asks."""

from django.db import migrations

FORWARD = """
-- The twin of rules.notices.slots: equal values, equal slots. `sent` is false where something else took its place.
CREATE FUNCTION closing_slots(first_day date, ends_on date, numbers jsonb, erase_on date, closed boolean,
    renews boolean, erased_on date)
RETURNS TABLE (kind text, due date, place integer, sent boolean) LANGUAGE sql STABLE PARALLEL SAFE AS $body$
    SELECT 'ends-' || days.n, $2 - days.n::integer, 0, true
    FROM jsonb_array_elements_text(coalesce($3 -> 'notice_days', '[60, 30, 7, 1]')) AS days (n)
    WHERE $7 IS NULL AND NOT $5 AND NOT $6
      AND $2 - days.n::integer > $1 AND 2 * days.n::integer <= $2 - $1
    UNION ALL
    SELECT life.kind, life.due, life.place, life.sent
    FROM (SELECT $2 + coalesce(($3 ->> 'retention_days')::integer, 120) AS erased,
            coalesce(($3 ->> 'grace_days')::integer, 30) AS grace, $7 IS NULL AND NOT $5 AS standing OFFSET 0) AS by_policy
    CROSS JOIN LATERAL (VALUES
        ('ended', $2, 1, by_policy.standing, true),
        ('access_stopped', $2 + by_policy.grace, 2, by_policy.standing, true),
        ('erasure-30', by_policy.erased - 30, 3, by_policy.standing AND by_policy.erased - $2 >= 30,
            coalesce($4 <= by_policy.erased, true)),
        ('erasure-7', by_policy.erased - 7, 4, by_policy.standing AND by_policy.erased - $2 >= 7,
            coalesce($4 <= by_policy.erased, true)),
        ('erasure-7@' || to_char($4, 'YYYY-MM-DD'), $4 - 14, 5,
            $7 IS NULL AND $4 IS NOT NULL AND ($5 OR $4 > by_policy.erased), true),
        ('erased', $7, 6, $7 IS NOT NULL, true)
    ) AS life (kind, due, place, owed, sent)
    WHERE life.owed
$body$;

-- Everybody whom a notice of this subscription goes to, in ids. Of a closed customer: whoever it was until it closed.
CREATE FUNCTION closing_readers(customer uuid, subscription uuid, contact_email text, closed_at timestamptz,
    instant timestamptz)
RETURNS TABLE (recipient text, account_id uuid, organisation_id uuid) LANGUAGE sql STABLE AS $body$
    SELECT 'account:' || a.id || address.which, a.id, NULL::uuid
    FROM customers_person p
    JOIN identity_account a ON a.id = p.account_id AND (a.closed_at IS NULL OR a.closed_at = $4)
    CROSS JOIN LATERAL (VALUES ('', a.email), (':alternate', a.alternate_email)) AS address (which, at)
    WHERE p.customer_id = $1 AND p.deleted_at IS NULL AND address.at <> ''
      AND (EXISTS (SELECT FROM customers_role r
              WHERE r.person_id = p.id AND r.name IN ('administrator', 'billing') AND r.ended_at IS NULL)
          OR ($4 IS NOT NULL AND EXISTS (SELECT FROM customers_role r
              WHERE r.person_id = p.id AND r.name IN ('administrator', 'billing') AND r.ended_at = $4)))
    UNION ALL
    SELECT 'contact', NULL, NULL WHERE $3 <> ''
    UNION ALL
    SELECT DISTINCT 'partner:' || o.id || coalesce(':account:' || owner.id, ''), owner.id, o.id
    FROM delegation_partnerofrecord d
    JOIN channel_organisation o ON o.id = d.organisation_id AND o.suspended_at IS NULL
    LEFT JOIN LATERAL (
        SELECT a.id FROM channel_member m JOIN identity_account a ON a.id = m.account_id AND a.closed_at IS NULL
        WHERE m.organisation_id = o.id AND m.role = 'owner' AND m.ended_at IS NULL) AS owner ON o.notice_email = ''
    WHERE d.customer_id = $1 AND (o.notice_email <> '' OR owner.id IS NOT NULL)
      AND (d.state = 'confirmed' OR (d.state = 'proposed' AND d.proposed_at > $5 - interval '90 days')
          OR (d.state = 'ended' AND d.ended_at = $4))
      -- One that was chosen for this subscription stands in the place of the organisation's default.
      AND (d.subscription_id = $2 OR (d.subscription_id IS NULL AND (d.state = 'proposed' OR NOT EXISTS (
          SELECT FROM delegation_partnerofrecord own WHERE own.customer_id = $1 AND own.subscription_id = $2
              AND own.state = 'confirmed'))))
$body$;

CREATE FUNCTION closing_recipients(customer uuid, subscription uuid, instant timestamptz)
RETURNS TABLE (recipient text, account_id uuid, organisation_id uuid) LANGUAGE sql STABLE AS $body$
    SELECT r.recipient, r.account_id, r.organisation_id
    FROM customers_customer c, LATERAL closing_readers($1, $2, c.contact_email, c.closed_at, $3) AS r WHERE c.id = $1
$body$;

-- Whether some address outside the customer's own mailboxes is known to work: a notice arrived, or its owner came by it.
CREATE FUNCTION closing_outside_address_works(customer uuid, initial_domain text) RETURNS boolean
LANGUAGE sql STABLE AS $body$
    SELECT EXISTS (
        SELECT FROM notices_notice n WHERE n.customer_id = $1 AND n.state = 'accepted' AND n.outside
            AND n.organisation_id IS NULL
    ) OR EXISTS (
        SELECT FROM customers_customer c
        JOIN customers_person p ON p.customer_id = c.id AND p.deleted_at IS NULL
        JOIN identity_account a ON a.id = p.account_id AND a.closed_at IS NULL AND a.owned_at IS NOT NULL
        WHERE c.id = $1 AND a.email <> ''
          AND lower(split_part(a.email, '@', 2)) <> lower(c.domain_prefix || '.' || $2)
          AND EXISTS (SELECT FROM customers_role r
              WHERE r.person_id = p.id AND r.name IN ('administrator', 'billing') AND r.ended_at IS NULL)
          AND NOT EXISTS (SELECT FROM notices_notice n WHERE n.customer_id = c.id AND n.state = 'bounced'
              AND n.recipient = 'account:' || a.id))
$body$;
"""

BACKWARD = """
DROP FUNCTION closing_outside_address_works(uuid, text);
DROP FUNCTION closing_recipients(uuid, uuid, timestamptz);
DROP FUNCTION closing_readers(uuid, uuid, text, timestamptz, timestamptz);
DROP FUNCTION closing_slots(date, date, jsonb, date, boolean, boolean, date);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("closing", "0005_seen"),
        ("subscriptions", "0006_erase_on"),
        ("notices", "0006_notice_walls"),
        ("clocks", "0002_walls"),
        ("delegation", "0002_walls"),
        ("channel", "0004_notice_email"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
