"""Where shapes come from: a checkpoint, or a model built by the user's factory."""
