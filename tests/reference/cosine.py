"""Yu et al. 2022 (ViT-VQGAN), section 3.2: codes on the unit sphere."""

from tests.reference.l2_normalize import gradient
from tests.reference.l2_normalize import l2_normalize
from tests.reference.vector_quantizer import VectorQuantizer
from tests.reference.vector_quantizer_ema import VectorQuantizerEMA


class CosineVectorQuantizer(VectorQuantizer):
    def step(self, z, upstream):
        inside = VectorQuantizer(
            l2_normalize(self.embeddings),
            self.commitment_cost,
            self.codebook_cost,
            self.estimator,
        )
        outputs, (to_z, to_codes) = inside.step(l2_normalize(z), upstream)
        return outputs, [
            gradient(z, to_z),
            gradient(self.embeddings, to_codes),
        ]


class CosineVectorQuantizerEMA(VectorQuantizerEMA):
    def step(self, z, upstream):
        inside = VectorQuantizerEMA(
            l2_normalize(self.embeddings), self.commitment_cost
        )
        outputs, (to_z,) = inside.step(l2_normalize(z), upstream)
        self.update(l2_normalize(z), outputs["indices"])
        return outputs, [gradient(z, to_z)]
