"""What a command found, as frozen data with a schema version."""
