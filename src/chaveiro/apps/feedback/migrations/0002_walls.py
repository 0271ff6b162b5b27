"""Anybody may say something, and nobody but the operator reads it."""

from django.conf import settings
from django.db import migrations

R = settings.DATABASE_ROLES

FORWARD = f"""
CALL house_wall('feedback_answer', 'feedback_helprequest');
CALL house_keeper('SELECT, INSERT, UPDATE', 'feedback_answer');
CALL house_keeper('SELECT, INSERT', 'feedback_helprequest');

GRANT SELECT ON feedback_answer, feedback_helprequest TO {R}_web;
CREATE POLICY web_reads ON feedback_answer FOR SELECT TO {R}_web USING (scope_kind() = 'operator');
CREATE POLICY web_reads ON feedback_helprequest FOR SELECT TO {R}_web USING (scope_kind() = 'operator');

CREATE FUNCTION feedback_keep(answer jsonb, instant timestamptz) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO feedback_answer (id, at, page, language, version, useful, affected, text, quote)
    VALUES ((answer ->> 'id')::uuid, instant, left(answer ->> 'page', 200), left(answer ->> 'language', 20),
        left(answer ->> 'version', 40), (answer ->> 'useful')::boolean, '[]', '', '');
END $body$;

-- Once, and within an hour of the first answer: who was told its id tells what was wrong.
CREATE FUNCTION feedback_tell(answer jsonb, instant timestamptz) RETURNS boolean
LANGUAGE plpgsql AS $body$
BEGIN
    UPDATE feedback_answer SET satisfaction = (answer ->> 'satisfaction')::smallint, affected = answer -> 'affected',
        text = left(answer ->> 'text', 2000), quote = left(answer ->> 'quote', 500), told_at = instant
    WHERE id = (answer ->> 'id')::uuid AND told_at IS NULL AND at > instant - interval '1 hour';
    RETURN FOUND;
END $body$;

CREATE FUNCTION feedback_ask(asked jsonb, instant timestamptz) RETURNS boolean LANGUAGE plpgsql AS $body$
BEGIN
    INSERT INTO feedback_helprequest (id, at, receiver, account_id, organisation_id, customer_id, page, reference,
        request, language, name, email, message)
    VALUES ((asked ->> 'id')::uuid, instant, asked ->> 'receiver', scope_account(), scope_organisation(),
        scope_customer(), left(asked ->> 'page', 200), left(asked ->> 'reference', 40), left(asked ->> 'request', 64),
        left(asked ->> 'language', 20), left(asked ->> 'name', 200), left(asked ->> 'email', 254),
        left(asked ->> 'message', 4000))
    ON CONFLICT (id) DO NOTHING;
    RETURN FOUND;
END $body$;
CALL house_keep('feedback_keep(jsonb, timestamptz)', 'feedback_tell(jsonb, timestamptz)',
    'feedback_ask(jsonb, timestamptz)');
"""

BACKWARD = f"""
DROP FUNCTION feedback_ask(jsonb, timestamptz);
DROP FUNCTION feedback_tell(jsonb, timestamptz);
DROP FUNCTION feedback_keep(jsonb, timestamptz);
DROP POLICY house_system ON feedback_answer;
DROP POLICY house_check ON feedback_answer;
DROP POLICY house_keeper ON feedback_answer;
DROP POLICY web_reads ON feedback_answer;
REVOKE ALL ON feedback_answer FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE feedback_answer NO FORCE ROW LEVEL SECURITY;
ALTER TABLE feedback_answer DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON feedback_helprequest;
DROP POLICY house_check ON feedback_helprequest;
DROP POLICY house_keeper ON feedback_helprequest;
DROP POLICY web_reads ON feedback_helprequest;
REVOKE ALL ON feedback_helprequest FROM {R}_web, {R}_system, {R}_check, {R}_keeper;
ALTER TABLE feedback_helprequest NO FORCE ROW LEVEL SECURITY;
ALTER TABLE feedback_helprequest DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("feedback", "0001_rows"),
        ("identity", "0002_walls"),
        ("journal", "0001_house"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
