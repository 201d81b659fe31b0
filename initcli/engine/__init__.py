"""Where work runs: chunks in file order, on threads, within a memory ceiling."""
