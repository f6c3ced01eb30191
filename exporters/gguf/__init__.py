"""Format "gguf": model files of llama.cpp and ggml; read only."""
