from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0011_planes_layout'),
    ]

    operations = [
        migrations.AddField(
            model_name='instance',
            name='overlays',
            field=models.JSONField(blank=True, default=dict, help_text='annotations.dicom.overlays: what is drawn over the frames.'),
        ),
    ]
