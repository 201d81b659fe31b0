"""Zip archives: their directory, and what members hold."""
