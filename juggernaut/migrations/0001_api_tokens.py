import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import governance.models.defaults

# Tokens that were made while django-rest-knox kept them go on working: the digest is the same.
TAKE_OVER = """
DO $$ BEGIN
  IF to_regclass('knox_authtoken') IS NOT NULL THEN
    INSERT INTO api_tokens (owner_id, hint, digest, scopes, created_by, created_at, expires_at)
    SELECT user_id, left(token_key, 8), digest, '{*}', 'installation', created, expiry FROM knox_authtoken;
  END IF;
END $$"""

# Without the digest, and without what every request moves.
AUDITED = """
CREATE TRIGGER api_token_audited AFTER INSERT OR UPDATE OR DELETE ON api_tokens
  FOR EACH ROW EXECUTE FUNCTION audit_change('token', 'id', 'digest last_used_at')"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [
        ("governance", "0017_steps"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApiToken",
            fields=[
                ("id", models.UUIDField(db_default=governance.models.defaults.TimeOrderedId(), editable=False, primary_key=True, serialize=False)),
                ("note", models.CharField(blank=True, db_default="", max_length=200)),
                ("hint", models.CharField(max_length=16)),
                ("digest", models.CharField(max_length=128, unique=True)),
                ("scopes", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=64), size=None)),
                ("created_by", models.CharField(db_default=governance.models.defaults.SqlUser(), max_length=160)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                ("owner", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="api_tokens", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "verbose_name": "token",
                "db_table": "api_tokens",
                "constraints": [models.CheckConstraint(condition=models.Q(("scopes__len__gt", 0)), name="api_token_has_scopes")],
            },
        ),
        migrations.RunSQL(TAKE_OVER, migrations.RunSQL.noop),
        migrations.RunSQL(AUDITED, "DROP TRIGGER api_token_audited ON api_tokens"),
    ]
