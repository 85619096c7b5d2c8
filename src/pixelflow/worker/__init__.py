"""The data plane: claims jobs, keeps their leases, has them done in cages, finishes them."""
