"""Backbones: the catalogue (no torch), their weights, their layer groups, and freezing."""
