"""How `compare` joins tensors, measures pairs of them, and tells what it found."""
