"""Streaming metrics over the codes of an epoch."""

from keras_vq.metrics.codebook_perplexity import CodebookPerplexity
from keras_vq.metrics.codebook_usage import CodebookUsage

__all__ = ["CodebookPerplexity", "CodebookUsage"]
