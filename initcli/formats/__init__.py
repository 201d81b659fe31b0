"""Bytes to tensors and back: every format a checkpoint is stored in, and the writer."""
