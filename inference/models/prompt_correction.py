from django.conf import settings
from django.db import models

from annotations.models import Image


class PromptCorrection(models.Model):
    """What a person says an Image is, where its header or the classifier has it wrong; wins over both."""

    image = models.OneToOneField(Image, on_delete=models.CASCADE, related_name="prompt_correction")
    factors = models.JSONField(help_text="Factor of the prompt -> its word; factors that are not here stay as found.")
    corrected_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    corrected_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Prompt of image {self.image_id}"
