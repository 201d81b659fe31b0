"""The inner loops: what is done for every single value. A compiled file, and its NumPy twin."""
