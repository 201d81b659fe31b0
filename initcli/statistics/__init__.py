"""The mergeable summary of a tensor's values, and of a pair of tensors."""
