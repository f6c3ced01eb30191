"""Files: writing, gates for untrusted HDF5 and zip files, escaping of untrusted names."""
