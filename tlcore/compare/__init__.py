"""Strategies compared fairly: the same data, the same seeds, the same budget; on disk, and read with its noise. No torch."""
