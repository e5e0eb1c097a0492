"""Addresses of pages and scripts."""

from django.urls import path
from django.views.static import serve
from gemini import views

from backend.settings import BASE_DIR

urlpatterns = [
    path("gemini/", views.index),
    path("gemini/continuous_voice/", views.continuous_voice),
    path("static/<path:path>", serve, {"document_root": BASE_DIR / "gemini" / "static"}),
]
