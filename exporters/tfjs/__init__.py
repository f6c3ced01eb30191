"""Format "tfjs": models of TensorFlow.js, read only; the values lie in files beside the JSON."""
