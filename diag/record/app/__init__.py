"""Takes with the user's own app as the client: what starts, watches and ends it, and the recorder of such a take."""
