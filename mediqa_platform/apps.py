from django.apps import AppConfig


class PlatformConfig(AppConfig):
    name = "mediqa_platform"
    verbose_name = "MedIQA Platform"
