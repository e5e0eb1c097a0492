"""Reading and writing of files: audio, takes and runs, scenarios, prompts, voice profiles, baselines, the log."""
