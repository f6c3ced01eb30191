"""Format "torch": a state_dict by torch.save, read and written without torch."""
