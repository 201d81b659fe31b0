"""Foundations that import nothing of ours: errors, dtypes, tensor metadata, escaping."""
