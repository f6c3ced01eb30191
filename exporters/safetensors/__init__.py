"""Format "safetensors": an exact, plain file that most libraries read."""
