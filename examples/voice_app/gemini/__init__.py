"""Voice conversations with the Gemini Live API: pages, WebSocket consumer, Live client."""
