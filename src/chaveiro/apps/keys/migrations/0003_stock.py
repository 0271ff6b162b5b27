"""Pepper versions, replacements, approval before minting; a key's batch is held by a trigger from here on (0004)."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("keys", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="PepperVersion",
            fields=[
                ("version", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("fingerprint", models.CharField(max_length=16)),
                ("first_used_at", models.DateTimeField()),
            ],
            options={"db_table": "keys_pepper"},
        ),
        migrations.AddField(
            model_name="batch",
            name="replaces",
            field=models.BigIntegerField(null=True, unique=True),
        ),
        migrations.AlterField(
            model_name="key",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="keys.batch",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("minted", 0), ("quantity__lte", 1000), ("approved_at__isnull", False), _connector="OR"
                ),
                name="batch_is_approved_before_it_is_minted",
            ),
        ),
    ]
