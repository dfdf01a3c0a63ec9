"""Scopes and an expiry date for API tokens. Tokens that exist keep their full access."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("uploads", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="apitoken",
            name="scopes",
            field=models.CharField(default="upload read delete", max_length=100, verbose_name="scopes"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="apitoken",
            name="expires_on",
            field=models.DateField(blank=True, null=True, verbose_name="expires"),
        ),
    ]
