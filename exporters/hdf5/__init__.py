"""Format "hdf5": cnnkit's own weight files, which any HDF5 tool can open."""
