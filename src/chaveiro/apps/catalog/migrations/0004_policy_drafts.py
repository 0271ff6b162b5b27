"""Policies are worked on as drafts, and existing subscriptions follow a new version when two people agree."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

R = settings.DATABASE_ROLES

DRAFT = migrations.CreateModel(
    name="PolicyDraft",
    fields=[
        ("id", models.UUIDField(primary_key=True, serialize=False)),
        ("name", models.TextField()),
        ("typed", models.JSONField()),
        ("version", models.IntegerField()),
        ("changed_by", models.UUIDField(null=True)),
        ("changed_at", models.DateTimeField()),
        (
            "base",
            models.ForeignKey(
                db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="catalog.policy"
            ),
        ),
    ],
    options={"constraints": [models.UniqueConstraint(fields=("name",), name="policy_has_one_draft")]},
)

ADOPTION = migrations.CreateModel(
    name="PolicyAdoption",
    fields=[
        ("id", models.UUIDField(primary_key=True, serialize=False)),
        ("state", models.TextField(default="proposed")),
        ("proposed_by", models.UUIDField(null=True)),
        ("proposed_at", models.DateTimeField()),
        ("settled_by", models.UUIDField(null=True)),
        ("settled_at", models.DateTimeField(null=True)),
        ("wanted", models.IntegerField()),
        ("moved", models.IntegerField(default=0)),
        ("finished_at", models.DateTimeField(null=True)),
        (
            "policy",
            models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="catalog.policy"),
        ),
    ],
    options={
        "constraints": [
            models.UniqueConstraint(
                condition=models.Q(("state__in", ["proposed", "approved"])),
                fields=("policy",),
                name="policy_is_adopted_once_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(("state__in", ["proposed", "approved", "done", "withdrawn"])),
                name="adoption_state_is_known",
            ),
        ],
    },
)

WALLS = f"""
CALL house_wall('catalog_policydraft', 'catalog_policyadoption');
GRANT SELECT, INSERT, UPDATE, DELETE ON catalog_policydraft TO {R}_web;
CREATE POLICY web_works ON catalog_policydraft TO {R}_web
    USING (scope_kind() = 'operator') WITH CHECK (scope_kind() = 'operator');
GRANT SELECT, INSERT ON catalog_policyadoption TO {R}_web;
GRANT UPDATE (state, settled_by, settled_at, wanted) ON catalog_policyadoption TO {R}_web;
CREATE POLICY web_reads ON catalog_policyadoption FOR SELECT TO {R}_web USING (scope_kind() = 'operator');
CREATE POLICY web_proposes ON catalog_policyadoption FOR INSERT TO {R}_web WITH CHECK (
    scope_kind() = 'operator' AND state = 'proposed' AND proposed_by IS NOT DISTINCT FROM scope_account());
CREATE POLICY web_settles ON catalog_policyadoption FOR UPDATE TO {R}_web
    USING (scope_kind() = 'operator' AND state = 'proposed')
    WITH CHECK (scope_kind() = 'operator' AND state IN ('approved', 'withdrawn'));
CREATE FUNCTION seen_policy_work(one uuid) RETURNS boolean LANGUAGE sql STABLE AS $body$
    SELECT one IS NOT NULL AND scope_kind() IN ('operator', 'system')
$body$;
"""

UNWALLS = f"""
DROP FUNCTION seen_policy_work(uuid);
DROP POLICY house_system ON catalog_policyadoption;
DROP POLICY house_check ON catalog_policyadoption;
DROP POLICY web_reads ON catalog_policyadoption;
DROP POLICY web_proposes ON catalog_policyadoption;
DROP POLICY web_settles ON catalog_policyadoption;
REVOKE ALL ON catalog_policyadoption FROM {R}_web, {R}_system, {R}_check;
ALTER TABLE catalog_policyadoption NO FORCE ROW LEVEL SECURITY;
ALTER TABLE catalog_policyadoption DISABLE ROW LEVEL SECURITY;
DROP POLICY house_system ON catalog_policydraft;
DROP POLICY house_check ON catalog_policydraft;
DROP POLICY web_works ON catalog_policydraft;
REVOKE ALL ON catalog_policydraft FROM {R}_web, {R}_system, {R}_check;
ALTER TABLE catalog_policydraft NO FORCE ROW LEVEL SECURITY;
ALTER TABLE catalog_policydraft DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0003_retired"),
        ("journal", "0005_seen"),
    ]
    operations = [DRAFT, ADOPTION, migrations.RunSQL(WALLS, UNWALLS)]
