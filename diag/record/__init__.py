"""Recording of takes: audio devices, the connection to the Live API, diag's own voice client, and the recorder."""
