"""Which tensor gets which scheme: selectors, roles and ordered rules."""
