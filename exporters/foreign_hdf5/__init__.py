"""Format "plain-hdf5": HDF5 files of other programs, read only."""
