"""Django project of the voice app: settings, addresses, ASGI application."""
