"""Cards with an export, a release of some serials, a recall that takes two."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0003_retired'),
        ('channel', '0002_walls'),
        ('keys', '0004_stock_walls'),
    ]

    operations = [
        migrations.AddField(
            model_name='batch',
            name='cards',
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddField(
            model_name='batch',
            name='recall_asked_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='batch',
            name='recall_asked_by',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='batch',
            name='recall_reason',
            field=models.TextField(db_default=''),
        ),
        migrations.AddField(
            model_name='batch',
            name='wholly_released',
            field=models.BooleanField(db_default=False),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.CheckConstraint(condition=models.Q(('recalled_at__isnull', True), ('released_at__isnull', True), ('quantity__lte', 1000), ('recall_asked_at__isnull', False), _connector='OR'), name='batch_for_sale_is_recalled_after_it_was_asked'),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.CheckConstraint(condition=models.Q(('cards', False), models.Q(('kind', 'bearer'), ('quantity__lte', 10000)), _connector='OR'), name='batch_has_no_more_cards_than_a_file'),
        ),
    ]
