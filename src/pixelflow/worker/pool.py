"""The pool of caged decoders: one child process a slot, two tasks in flight in each."""
