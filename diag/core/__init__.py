"""The vocabulary of diag: the chain and its taps, clips, events, measurements, findings and results."""
