"""Layers, explanations: what a trained or a pretrained network has in it."""
