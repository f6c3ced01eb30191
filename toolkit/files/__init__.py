"""Files, in and out: atomic writing, the gate for HDF5 of strangers, escaping of untrusted names."""
