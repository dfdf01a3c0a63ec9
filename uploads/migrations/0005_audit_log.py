"""The audit log, whose entries PostgreSQL lets nobody change."""

from django.db import migrations, models

#: `AuditQuerySet.expire` sets the variable for its transaction.
PROTECT = """
CREATE FUNCTION uploads_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('filehub.audit_retention', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'entries of the audit log can be neither changed nor deleted';
END $$;
CREATE TRIGGER uploads_audit_append_only BEFORE UPDATE OR DELETE ON uploads_auditentry
  FOR EACH ROW EXECUTE FUNCTION uploads_audit_append_only();
"""
RELEASE = """
DROP TRIGGER uploads_audit_append_only ON uploads_auditentry;
DROP FUNCTION uploads_audit_append_only();
"""


def protect(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(PROTECT)


def release(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(RELEASE)


class Migration(migrations.Migration):

    dependencies = [
        ("uploads", "0004_webhooks"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(verbose_name="time")),
                ("action", models.CharField(max_length=30, verbose_name="action")),
                ("outcome", models.CharField(max_length=8, verbose_name="outcome")),
                ("user_key", models.CharField(blank=True, max_length=64, verbose_name="user id")),
                ("user_name", models.CharField(blank=True, max_length=150, verbose_name="user")),
                ("token_id", models.BigIntegerField(blank=True, null=True, verbose_name="API token")),
                ("object_kind", models.CharField(blank=True, max_length=20, verbose_name="kind of object")),
                ("object_id", models.CharField(blank=True, max_length=255, verbose_name="object id")),
                ("object_name", models.CharField(blank=True, max_length=255, verbose_name="object")),
                ("detail", models.CharField(blank=True, max_length=500, verbose_name="detail")),
                ("address", models.CharField(blank=True, max_length=64, verbose_name="address")),
                ("agent", models.CharField(blank=True, max_length=200, verbose_name="user agent")),
                ("request_id", models.CharField(blank=True, max_length=128, verbose_name="request id")),
            ],
            options={
                "verbose_name": "audit entry",
                "verbose_name_plural": "audit log",
                "default_permissions": ("view",),
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["at", "id"], name="uploads_audit_at"), models.Index(fields=["user_key", "at", "id"], name="uploads_audit_user"), models.Index(fields=["object_id", "at", "id"], name="uploads_audit_object"), models.Index(fields=["action", "at", "id"], name="uploads_audit_action")],
            },
        ),
        migrations.RunPython(protect, release),
    ]
