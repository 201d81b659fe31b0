"""HDF5 files, and the Keras archives that hold one."""
