"""The control plane: what callers can ask for, and the keeper's duties."""
