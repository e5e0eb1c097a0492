"""Makes takes: audio devices, Live API clients, diag's own client, and the recorder that brings them together."""
