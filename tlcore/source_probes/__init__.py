"""What a network still knows of what it learned before: images of the old tasks, and the old classifiers asked about them.

`catalogue.py` names the sources and imports no torch; `probes.py` looks.
"""
