"""HDF5 is read in a worker process with limits: `cage.py` asks, `worker.py` answers."""
