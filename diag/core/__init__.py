"""The types that all packages share: the chain and its taps, clips, events, measurements, findings and results."""
