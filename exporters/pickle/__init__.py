"""Pickles of arrays, by Python's pickle, joblib or Paddle; read only."""
