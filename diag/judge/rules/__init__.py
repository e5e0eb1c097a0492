"""Rules, one file each: code, documentation, judgement."""
