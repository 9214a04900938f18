"""Readings, Scores and Findings are never changed or deleted: the database refuses, whoever asks."""

from django.db import migrations

CREATE = """
CREATE FUNCTION annotations_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A row of % is immutable: submit a correction, which supersedes it.', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER reading_is_immutable BEFORE UPDATE OR DELETE ON annotations_reading
    FOR EACH ROW EXECUTE FUNCTION annotations_refuse_change();
CREATE TRIGGER score_is_immutable BEFORE UPDATE OR DELETE ON annotations_score
    FOR EACH ROW EXECUTE FUNCTION annotations_refuse_change();
CREATE TRIGGER finding_is_immutable BEFORE UPDATE OR DELETE ON annotations_finding
    FOR EACH ROW EXECUTE FUNCTION annotations_refuse_change();
"""

DROP = """
DROP TRIGGER finding_is_immutable ON annotations_finding;
DROP TRIGGER score_is_immutable ON annotations_score;
DROP TRIGGER reading_is_immutable ON annotations_reading;
DROP FUNCTION annotations_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("annotations", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, DROP)]
