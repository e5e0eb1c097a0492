"""The world: audio ports and Live API clients."""
