"""Whether a tokenizer and a prior go together."""

from keras_vq.models.tokenizer import Tokenizer
from keras_vq.priors.prior import Prior


def check_pair(tokenizer, prior, condition_tokenizer=None):
    """Raise unless the prior is one of the tokenizers' codes.

    Args:
        tokenizer: A `keras_vq.models.Tokenizer`.
        prior: A `keras_vq.priors.Prior`.
        condition_tokenizer: A further `Tokenizer`, of what the prior is told,
            or None. Defaults to None.

    Raises:
        ValueError: If a type, shape, number or fingerprint does not fit.
    """
    _check_codes(tokenizer, prior)
    if condition_tokenizer is not None:
        _check_condition(condition_tokenizer, prior)
    _check_fingerprints(tokenizer, prior, condition_tokenizer)


def _check_condition(condition_tokenizer, prior):
    codes = condition_tokenizer.code_shape, condition_tokenizer.num_embeddings
    told = (
        getattr(prior, "condition_shape", None),
        getattr(prior, "num_condition_embeddings", None),
    )
    if codes != told:
        raise ValueError(
            "`condition_tokenizer` must make the codes that the prior is told. "
            f"Received: codes of shape {codes[0]} with K={codes[1]} for a "
            f"prior with condition_shape={told[0]} and "
            f"num_condition_embeddings={told[1]}"
        )


def _check_codes(tokenizer, prior):
    if not isinstance(tokenizer, Tokenizer):
        raise ValueError(
            "`tokenizer` must be a keras_vq.models.Tokenizer. Received: "
            f"tokenizer={tokenizer!r}"
        )
    if not isinstance(prior, Prior):
        raise ValueError(
            "`prior` must be a keras_vq.priors.Prior. Received: "
            f"prior={prior!r}"
        )
    made = (tokenizer.code_shape, tokenizer.num_embeddings)
    learned = (prior.code_shape, prior.num_embeddings)
    if made != learned:
        raise ValueError(
            f"{type(tokenizer).__name__} `{tokenizer.name}` makes codes of "
            f"shape {made[0]} with K={made[1]}, {type(prior).__name__} "
            f"`{prior.name}` models codes of shape {learned[0]} with "
            f"K={learned[1]}. Received: two that do not go together"
        )


def _check_fingerprints(tokenizer, prior, condition_tokenizer):
    expected = prior.tokenizer_fingerprint
    if expected is None:
        return
    if condition_tokenizer is None:
        expected = expected.partition("+")[0]
    found = tokenizer.fingerprint(condition_tokenizer)
    if found != expected:
        raise ValueError(
            f"{type(prior).__name__} `{prior.name}` was made for the codes of "
            f"the tokenizer {expected}. Received: the tokenizer {found}. Was "
            "it trained on after the prior was made? Then its codes mean "
            "something else."
        )
