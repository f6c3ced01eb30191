"""What all formats share: the weight file, what a format is, element types, and names of tensors."""
