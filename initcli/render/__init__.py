"""Writes reports: one file a form, each from report to text."""
