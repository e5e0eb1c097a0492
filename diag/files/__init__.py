"""Everything on disk: audio files, takes and runs, scenarios, prompts, voice profiles, baselines, the log."""
