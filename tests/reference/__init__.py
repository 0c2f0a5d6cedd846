"""NumPy loops, slow and plain: what the library is compared with."""
