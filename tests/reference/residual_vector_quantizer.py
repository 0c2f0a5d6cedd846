"""Zeghidour et al. 2021, section III-C, stage by stage."""

import numpy as np

from tests.reference.vector_quantizer import straight_through
from tests.reference.vector_quantizer import unambiguous_nearest


class ResidualVectorQuantizer:
    """Stages that are the same object share a codebook."""

    def __init__(self, stages, dropout=0.0, estimator=straight_through):
        self.stages, self.dropout = stages, dropout
        self.estimator = estimator
        self.codebooks = list(dict.fromkeys(stages))
        self.weights = [w for c in self.codebooks for w in c.weights]
        self.state = [s for c in self.codebooks for s in c.state]

    def step(self, z, upstream, draws=None):
        numbers = self.numbers_of_stages(len(z), draws)
        residual, quantized = z, np.zeros(z.shape)
        to_z = np.zeros(z.shape)
        to_weights = {
            codebook: [np.zeros(w.shape) for w in codebook.weights]
            for codebook in self.codebooks
        }
        seen = {codebook: [] for codebook in self.codebooks}
        outputs: dict = {}
        for i, stage in enumerate(self.stages):
            kept = numbers > i
            indices = unambiguous_nearest(residual, stage.embeddings)
            codes = stage.embeddings[indices]
            losses, gradients = stage.losses(residual[kept], indices[kept])
            # Codes of earlier stages are constants.
            to_z[kept] += gradients[0]
            for total, part in zip(to_weights[stage], gradients[1:]):
                total += part
            for name, value in losses.items():
                outputs[name] = outputs.get(name, 0.0) + value
            outputs.setdefault("indices", []).append(indices)
            seen[stage].append((residual[kept], indices[kept]))
            quantized[kept] += codes[kept]
            residual = residual - codes
        for codebook, updates in seen.items():
            codebook.update(*map(np.concatenate, zip(*updates)))
        to_z += self.estimator(z, quantized, upstream)
        outputs["indices"] = np.stack(outputs["indices"], axis=-1)
        outputs["quantized"] = quantized
        return outputs, [to_z, *(g for gs in to_weights.values() for g in gs)]

    def numbers_of_stages(self, count, draws):
        """Stages per vector, from two uniform numbers per example."""
        if draws is None:
            return np.full(count, len(self.stages))
        numbers = []
        for choice, chance in draws.reshape(2, -1).T:
            dropped = chance < self.dropout
            number = 1 + int(choice * len(self.stages))
            numbers.append(number if dropped else len(self.stages))
        return np.repeat(numbers, count // len(numbers))
