"""The product: `manage.py up` on one machine, or the same processes under compose. Secrets lie in the home folder."""

from mediqa_platform.settings.base import *  # noqa: F403
from mediqa_platform.settings.base import MEDIQA_HOME, env
from mediqa_platform.settings.values import origins, yes_or_no
from mediqa_platform.supervisor import home

DEBUG = False
SECRET_KEY = env.str("MEDIQA_SECRET_KEY", "") or home.load_secrets(MEDIQA_HOME)["SECRET_KEY"]
# Patients' keys are made with it: a new one would make strangers of all known patients. Back it up with the database.
PATIENT_KEY_SECRET = env.str("MEDIQA_PATIENT_KEY_SECRET", "") or home.load_secrets(MEDIQA_HOME)["PATIENT_KEY_SECRET"]
ALLOWED_HOSTS = env.list("MEDIQA_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = origins(env, "MEDIQA_TRUSTED_ORIGINS")

# Behind a TLS proxy: MEDIQA_HTTPS=1 makes cookies secure and believes X-Forwarded-Proto.
IS_HTTPS = yes_or_no(env, "MEDIQA_HTTPS")
SESSION_COOKIE_SECURE = IS_HTTPS
CSRF_COOKIE_SECURE = IS_HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if IS_HTTPS else None
SECURE_HSTS_SECONDS = 31536000 if IS_HTTPS else 0
