"""JSON by the standard, at once or member by member."""
