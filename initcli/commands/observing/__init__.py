"""How `stats` opens checkpoints, observes their tensors, and holds them beside what is known."""
