"""What every format is opened as: tensors, shards, and bytes by their address."""
