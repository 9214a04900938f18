"""What a run was given stays as it was: the database refuses changes to a LabelSnapshot's entries."""

from django.db import migrations

CREATE = """
CREATE TRIGGER labelsnapshotentry_is_immutable BEFORE UPDATE ON inference_labelsnapshotentry
    FOR EACH ROW EXECUTE FUNCTION annotations_refuse_change();
CREATE TRIGGER labelsnapshot_is_immutable BEFORE UPDATE ON inference_labelsnapshot
    FOR EACH ROW EXECUTE FUNCTION annotations_refuse_change();
"""

DROP = """
DROP TRIGGER labelsnapshot_is_immutable ON inference_labelsnapshot;
DROP TRIGGER labelsnapshotentry_is_immutable ON inference_labelsnapshotentry;
"""


class Migration(migrations.Migration):
    dependencies = [("inference", "0001_initial"), ("annotations", "0002_readings_are_immutable")]

    operations = [migrations.RunSQL(CREATE, DROP)]
