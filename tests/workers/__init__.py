"""One fingerprint for any number of workers, through the command line: `PYTHONPATH=tests python -m workers`."""
