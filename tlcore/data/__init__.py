"""Datasets: the catalogue, splits, decoding, batch transforms, quality checks and a person's own pictures."""
