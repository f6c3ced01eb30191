"""Format "keras": weights of Keras of all generations, read; those of Keras 3, written."""
