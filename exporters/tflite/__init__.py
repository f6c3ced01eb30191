"""Format "tflite": TensorFlow Lite (LiteRT) models; read only."""
