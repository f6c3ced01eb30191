"""What a pickle says, as data: a machine that runs nothing, the names that it knows, and the tensors of the result."""
