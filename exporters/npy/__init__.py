"""Format "npy": one array in a file, as numpy.save writes it; read only."""
