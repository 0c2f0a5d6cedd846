"""Plain NumPy loops in float64, the oracle of the quantizers' tests.

A reference quantizer has `weights`, arrays trained by gradient; `state`, arrays
that `step` updates; and `step(z, upstream)` for N vectors, which returns

- the layer's outputs in a training step, a dict;
- the gradients of `sum(upstream * quantized) + loss` with respect to `z` and
  each weight.

A stochastic one takes its uniform noise as a third argument, `draws`.
"""
