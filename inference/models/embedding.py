from django.db import models
from pgvector.django import VectorField

from annotations.models import Image


class Embedding(models.Model):
    """What the frozen encoder makes of an Image: its feature vector here, its tokens in storage.

    A head is retrained on these, and a new ModelVersion scores from them: the pixels are read once per encoder.
    """

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="embeddings")
    features_version = models.CharField(max_length=64)
    vector = VectorField()
    features_name = models.CharField(max_length=160, help_text="Storage name of the cached features (safetensors).")
    said = models.JSONField(
        default=dict,
        help_text="What a person had said of the prompt then: with other words it is made anew.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["image", "features_version"], name="embedding_once_per_features_version")
        ]

    def __str__(self) -> str:
        return f"Embedding of image {self.image_id}"
