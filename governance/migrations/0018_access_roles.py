"""The three roles as groups. Their permissions come when the migrations have ended, for only then does
Django make permissions (`governance.access.roles.bring_up_to_date`)."""

from django.db import migrations

ROLES = "INSERT INTO auth_group (name) VALUES ('viewer'), ('operator'), ('admin') ON CONFLICT DO NOTHING"


class Migration(migrations.Migration):
    dependencies = [
        ("governance", "0017_steps"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunSQL(ROLES, migrations.RunSQL.noop)]
