"""What a run forgot of what its network knew before: how much, where, and what brings it back."""
