"""Settings. The application has no database, no users and no sessions."""

import os
import secrets
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = secrets.token_urlsafe(50)
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = ["channels", "gemini"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "backend.urls"
ASGI_APPLICATION = "backend.asgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DATABASES: dict[str, dict[str, str]] = {}
TIME_ZONE = "UTC"
USE_TZ = True

GEMINI_BASE_URL = os.environ.get("GOOGLE_GEMINI_BASE_URL", "https://generativelanguage.googleapis.com")
"""Address of the Live API. google-genai reads the same variable. A recording proxy or an emulator can be here."""
GEMINI_API_KEY = os.environ.get("GEMINI_API_KEY") or os.environ.get("GOOGLE_API_KEY") or ""
GEMINI_LIVE_MODEL = os.environ.get("GEMINI_LIVE_MODEL", "models/gemini-3.8-live")
INDEX_FAULTS = os.environ.get("VOICE_APP_FAULTS", "modality_missing")
"""Faults of `index.html`, separated by commas, unless its address has `?fault=…`."""
LOG_DIR = Path(os.environ.get("VOICE_APP_LOGS", BASE_DIR / "logs"))
