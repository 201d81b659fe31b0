"""How checkpoints are written: laid out, and whole under their name or not at all."""
