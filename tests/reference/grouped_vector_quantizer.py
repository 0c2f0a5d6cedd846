"""Jegou et al. 2011, section II-B, part by part."""

import numpy as np


class GroupedVectorQuantizer:
    """One quantizer per part of a vector."""

    def __init__(self, groups):
        self.groups = groups
        self.weights = [w for group in groups for w in group.weights]
        self.state = [s for group in groups for s in group.state]

    def step(self, z, upstream):
        count = len(self.groups)
        parts = np.split(z, count, axis=-1)
        # Losses are averaged over groups, `quantized` is not.
        upstreams = np.split(count * upstream, count, axis=-1)
        steps = [
            group.step(part, to_part)
            for group, part, to_part in zip(self.groups, parts, upstreams)
        ]
        every = [outputs for outputs, _ in steps]
        outputs = {
            name: np.mean([each[name] for each in every])
            for name in every[0].keys() - {"quantized", "indices"}
        }
        for name in ("quantized", "indices"):
            columns = [each[name].reshape(len(z), -1) for each in every]
            outputs[name] = np.concatenate(columns, axis=-1)
        to_z = [gradients[0] for _, gradients in steps]
        to_weights = [g for _, gradients in steps for g in gradients[1:]]
        gradients = [np.concatenate(to_z, axis=-1), *to_weights]
        return outputs, [g / count for g in gradients]


class SharedGroups:
    """One quantizer for all parts, each treated as a vector."""

    def __init__(self, quantizer, count):
        self.quantizer, self.count = quantizer, count
        self.weights, self.state = quantizer.weights, quantizer.state

    def step(self, z, upstream):
        parts, upstreams = (
            x.reshape(len(z) * self.count, -1) for x in (z, upstream)
        )
        outputs, (to_parts, *rest) = self.quantizer.step(parts, upstreams)
        for name in ("quantized", "indices"):
            outputs[name] = outputs[name].reshape(len(z), -1)
        return outputs, [to_parts.reshape(z.shape), *rest]
