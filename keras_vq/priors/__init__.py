"""Second stage: models that learn the codes of a tokenizer, one per file."""

from keras_vq.priors.autoregressive_prior import AutoregressivePrior
from keras_vq.priors.hierarchical_prior import HierarchicalPrior
from keras_vq.priors.pixelcnn import PixelCNN
from keras_vq.priors.pixelsnail import PixelSNAIL
from keras_vq.priors.prior import Prior
from keras_vq.priors.sliding_window import SlidingWindow
from keras_vq.priors.transformer import Transformer
from keras_vq.priors.wavenet import WaveNet

__all__ = [
    "AutoregressivePrior",
    "HierarchicalPrior",
    "PixelCNN",
    "PixelSNAIL",
    "Prior",
    "SlidingWindow",
    "Transformer",
    "WaveNet",
]
