from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('inference', '0004_patch_weights'),
    ]

    operations = [
        migrations.AddField(
            model_name='prediction',
            name='prompt_confidence',
            field=models.JSONField(default=dict, help_text="Of each factor: 1 where it was said, the classifier's probability, 0 unknown."),
        ),
    ]
