"""Second-stage models: priors over the codes of a tokenizer."""

from keras_vq.priors.autoregressive import AutoregressivePrior
from keras_vq.priors.heads import CodeHead
from keras_vq.priors.heads import LogisticMixtureHead
from keras_vq.priors.hierarchical import HierarchicalPrior
from keras_vq.priors.latent_diffusion import LatentDiffusion
from keras_vq.priors.maskgit import MaskGIT
from keras_vq.priors.prior import Prior
from keras_vq.priors.vq_diffusion import VQDiffusion

__all__ = [
    "AutoregressivePrior",
    "CodeHead",
    "HierarchicalPrior",
    "LatentDiffusion",
    "LogisticMixtureHead",
    "MaskGIT",
    "Prior",
    "VQDiffusion",
]
