"""Which initialisation a tensor still carries, told from its values alone."""
