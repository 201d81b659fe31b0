"""What pickles say of tensors and arrays, and how those are called."""
