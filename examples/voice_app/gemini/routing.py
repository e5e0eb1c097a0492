"""Addresses of WebSockets."""

from django.urls import path

from gemini.consumers import VoiceConsumer

websocket_urlpatterns = [path("ws/gemini/", VoiceConsumer.as_asgi())]
