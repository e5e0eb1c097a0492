"""Connection to the Live API through the google-genai SDK, and the causes of connection failures."""
