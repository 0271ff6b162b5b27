"""A request may cost more than one unit of its limit: a basket of 200 keys counts 200."""

from django.db import migrations

FORWARD = """
-- The generic cell rate algorithm: one instant a bucket. Answers how long to wait, zero when the request may pass.
CREATE FUNCTION operations_take(bucket uuid, every interval, burst integer, cost integer, instant timestamptz)
RETURNS interval LANGUAGE plpgsql AS $body$
DECLARE was timestamptz; becomes timestamptz;
BEGIN
    INSERT INTO operations_bucket (id, empty_at) VALUES (bucket, instant) ON CONFLICT (id) DO NOTHING;
    SELECT greatest(empty_at, instant) INTO was FROM operations_bucket WHERE id = bucket FOR UPDATE;
    becomes := was + every * cost;
    IF becomes > instant + every * burst THEN
        RETURN becomes - (instant + every * burst);
    END IF;
    UPDATE operations_bucket SET empty_at = becomes WHERE id = bucket;
    RETURN interval '0';
END $body$;
CALL house_keep('operations_take(uuid, interval, integer, integer, timestamptz)');
"""

BACKWARD = """
DROP FUNCTION operations_take(uuid, interval, integer, integer, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("operations", "0002_walls"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
