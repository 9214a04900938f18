from django.apps import AppConfig
from django.conf import settings

from mediqa_platform.texts import compile_texts


class PlatformConfig(AppConfig):
    name = "mediqa_platform"
    verbose_name = "MedIQA Platform"

    def ready(self) -> None:
        """Whichever process begins, the texts are as the catalogues have them."""
        if settings.MEDIQA_HOME.is_dir():
            compile_texts(settings.LOCALE_PATHS[0])
