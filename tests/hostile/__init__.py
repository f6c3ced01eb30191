"""Hostile and malformed files for every format and every option that takes a path, made when asked for."""
