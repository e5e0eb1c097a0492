"""Recording proxy: passes Live API traffic on unchanged, and makes a take of each session that it saw."""
