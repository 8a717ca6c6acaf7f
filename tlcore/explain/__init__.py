"""The Explain room: where a network looks for its answer, and whether to believe the map."""
