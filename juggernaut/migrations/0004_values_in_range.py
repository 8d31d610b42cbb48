from django.db import migrations

from governance.db.operations.value_guards import guard


class Migration(migrations.Migration):
    dependencies = [("juggernaut", "0003_search_path")]
    operations = [
        guard(
            "api_tokens",
        )
    ]
