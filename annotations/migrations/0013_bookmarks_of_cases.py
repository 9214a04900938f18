import django.db.models.deletion
from django.db import migrations, models

# Of a reader's places of the Image, what they read first; a mark on what they have no place of any more is lost.
FILL = """
UPDATE annotations_bookmark SET assignment_id = (
    SELECT place.id FROM annotations_assignment AS place
    WHERE place.project_id = annotations_bookmark.project_id AND place.image_id = annotations_bookmark.image_id
        AND place.reader_id = annotations_bookmark.user_id
    ORDER BY place.submitted_at NULLS LAST LIMIT 1
);
DELETE FROM annotations_bookmark WHERE assignment_id IS NULL;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0012_instance_overlays'),
    ]

    operations = [
        migrations.AddField(
            model_name='bookmark',
            name='assignment',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='bookmarks', to='annotations.assignment'),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RemoveConstraint(
            model_name='bookmark',
            name='bookmark_once',
        ),
        migrations.RemoveField(
            model_name='bookmark',
            name='image',
        ),
        migrations.RemoveField(
            model_name='bookmark',
            name='project',
        ),
        migrations.AlterField(
            model_name='bookmark',
            name='assignment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bookmarks', to='annotations.assignment'),
        ),
        migrations.AddConstraint(
            model_name='bookmark',
            constraint=models.UniqueConstraint(fields=('user', 'assignment'), name='bookmark_once'),
        ),
    ]
