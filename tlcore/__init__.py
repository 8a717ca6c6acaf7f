"""Thaw: what happens when you unfreeze a pretrained network. The library behind the pages and the command line."""

__version__ = "0.1.0"
