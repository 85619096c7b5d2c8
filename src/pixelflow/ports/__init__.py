"""What the control plane and the worker need from the world, as protocols; adapters are chosen by address."""
