"""Format "diy-cnn-json": the weights file of a do-it-yourself CNN in Rust."""
