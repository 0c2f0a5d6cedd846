"""Yu et al. 2022 (ViT-VQGAN), section 3.2: the same on the unit sphere."""

from tests.reference import l2_normalize
from tests.reference.vector_quantizer import VectorQuantizer
from tests.reference.vector_quantizer_ema import VectorQuantizerEMA


class CosineVectorQuantizer(VectorQuantizer):
    def step(self, z, upstream):
        inside = VectorQuantizer(
            unit.unit(self.embeddings),
            self.commitment_cost,
            self.codebook_cost,
            self.estimator,
        )
        outputs, (to_z, to_codes) = inside.step(unit.unit(z), upstream)
        return outputs, [
            unit.gradient(z, to_z),
            unit.gradient(self.embeddings, to_codes),
        ]


class CosineVectorQuantizerEMA(VectorQuantizerEMA):
    def step(self, z, upstream):
        inside = VectorQuantizerEMA(
            unit.unit(self.embeddings), self.commitment_cost
        )
        outputs, (to_z,) = inside.step(unit.unit(z), upstream)
        self.update(unit.unit(z), outputs["indices"])
        return outputs, [unit.gradient(z, to_z)]
