"""Bytes that are made when they are read: turned, put together, or held."""
