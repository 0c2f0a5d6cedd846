"""NumPy loops, slow and plain, in float64: what the library is compared with.

A quantizer here has `weights`, arrays that learn by gradient; `state`, arrays
that `step` changes; and `step(z, upstream)` of N vectors, which returns

- the outputs of a training step: a dict, as of the layer;
- the gradients of `sum(upstream * quantized) + loss` to `z` and each weight.

One that draws takes the uniform numbers as a third argument.
"""
