"""A network as one C99 file: weights in hexadecimal, a function for each layer, no library but math.h."""
