"""The command `keras-vq`."""
