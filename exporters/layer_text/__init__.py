"""Format "layer-text": weights and biases of dense layers as text, a heading for each; read only."""
