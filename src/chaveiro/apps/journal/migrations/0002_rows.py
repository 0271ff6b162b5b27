"""Entries, seals, nodes and checkpoints of the journal."""

import datetime
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("journal", "0001_house"),
    ]

    operations = [
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root", models.BinaryField()),
                ("at", models.DateTimeField()),
                ("signature", models.TextField()),
                ("kid", models.TextField()),
            ],
            options={
                "db_table": "journal_checkpoint",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("size__gte", 1)), name="journal_checkpoint_counts_from_one"
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length("root"), 32),
                        name="journal_checkpoint_root_is_a_hash",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("era", models.SmallIntegerField(db_default=0)),
                (
                    "xid",
                    models.BigIntegerField(
                        db_default=django.db.models.functions.comparison.Cast(
                            django.db.models.functions.comparison.Cast(
                                models.Func(function="pg_current_xact_id"), models.TextField()
                            ),
                            models.BigIntegerField(),
                        )
                    ),
                ),
                ("at", models.DateTimeField()),
                ("tag", models.TextField()),
                ("actor_kind", models.TextField()),
                ("actor_id", models.UUIDField(null=True)),
                ("organisation_id", models.UUIDField(null=True)),
                ("on_behalf", models.UUIDField(null=True)),
                ("customer_id", models.UUIDField(null=True)),
                ("subject_kind", models.TextField()),
                ("subject_id", models.TextField()),
                ("facts", models.JSONField(db_default=models.Value({}, models.JSONField()))),
                (
                    "salt",
                    models.BinaryField(
                        db_default=models.Func(
                            models.Func(function="gen_random_uuid"),
                            function="uuid_send",
                            output_field=models.BinaryField(),
                        )
                    ),
                ),
            ],
            options={
                "db_table": "journal_entry",
                "indexes": [
                    models.Index(models.F("era"), models.F("xid"), models.F("id"), name="journal_entry_order"),
                    models.Index(
                        models.F("customer_id"),
                        models.F("id"),
                        condition=models.Q(("customer_id__isnull", False)),
                        name="journal_entry_customer",
                    ),
                    models.Index(
                        models.F("organisation_id"),
                        models.F("id"),
                        condition=models.Q(("organisation_id__isnull", False)),
                        name="journal_entry_organisation",
                    ),
                    models.Index(models.F("subject_id"), models.F("subject_kind"), name="journal_entry_subject"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("tag__regex", "^[a-z_]+:[a-z_]+$")),
                        name="journal_entry_tag_is_subject_action",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("at__gte", datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)),
                            ("at__lt", datetime.datetime(9000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)),
                        ),
                        name="journal_entry_at_is_a_plain_instant",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.GreaterThanOrEqual(
                            django.db.models.functions.text.Length("salt"), 16
                        ),
                        name="journal_entry_salt_is_long_enough",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Node",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "level", "index", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("level", models.SmallIntegerField()),
                ("index", models.BigIntegerField()),
                ("hash", models.BinaryField()),
            ],
            options={
                "db_table": "journal_node",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("index__gte", 0), ("level__gte", 1), ("level__lte", 62)),
                        name="journal_node_stands_in_the_tree",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length("hash"), 32),
                        name="journal_node_hash_is_a_hash",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("leaf", models.BinaryField()),
                (
                    "entry",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="seal", to="journal.entry"
                    ),
                ),
            ],
            options={
                "db_table": "journal_seal",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="journal_seal_counts_from_one"),
                    models.CheckConstraint(
                        condition=django.db.models.lookups.Exact(django.db.models.functions.text.Length("leaf"), 32),
                        name="journal_seal_leaf_is_a_hash",
                    ),
                ],
            },
        ),
    ]
