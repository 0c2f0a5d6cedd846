"""Yu et al. 2022 (ViT-VQGAN), section 3.2: factorized codes."""

import numpy as np


class ProjectedQuantizer:
    def __init__(self, quantizer, down, up):
        self.quantizer = quantizer
        self.down, self.up = down.astype("float64"), up.astype("float64")
        self.weights = [self.down, self.up, *quantizer.weights]
        self.state = quantizer.state

    def step(self, z, upstream):
        outputs, (to_inside, *rest) = self.quantizer.step(
            z @ self.down, upstream @ self.up.T
        )
        to_down, to_up = np.zeros(self.down.shape), np.zeros(self.up.shape)
        for n, code in enumerate(outputs["quantized"]):
            to_down += np.outer(z[n], to_inside[n])
            to_up += np.outer(code, upstream[n])
        quantized = outputs["quantized"] @ self.up
        gradients = [to_inside @ self.down.T, to_down, to_up, *rest]
        return {**outputs, "quantized": quantized}, gradients
