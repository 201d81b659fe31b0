"""A pickle machine that writes down what it is asked for, and does nothing."""
