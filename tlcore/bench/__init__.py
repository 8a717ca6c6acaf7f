"""How fast this engine is beside those that people use, measured here and now. No torch before a measurement needs it."""
