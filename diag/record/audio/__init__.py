"""Audio devices: virtual, system or none (wire), and what stands at their ports."""
