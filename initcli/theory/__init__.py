"""What sampling error and rounding allow a drawn tensor to show."""
