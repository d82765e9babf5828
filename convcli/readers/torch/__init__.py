"""PyTorch's vocabulary: its classes with their arguments, and models as it writes and prints them."""
