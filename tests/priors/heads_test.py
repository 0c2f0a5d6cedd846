import numpy as np
import pytest

from keras_vq import layers
from keras_vq import priors
from tests.helpers import perturbed
from tests.helpers import run
from tests.helpers import to_numpy


def code_head(codes_per_position):
    return perturbed(priors.CodeHead(5, 6, codes_per_position))


def mixture_head(codes_per_position):
    return perturbed(priors.LogisticMixtureHead(6, codes_per_position))


@pytest.fixture(params=[code_head, mixture_head])
def create(request):
    return request.param


@pytest.mark.parametrize("count", [1, 3])
def test_logits_depend_on_earlier_codes_of_the_position(create, count, rng):
    head = create(count)
    size = (4, count) if count > 1 else (4,)
    features = rng.normal(size=(4, 6)).astype("float32")
    codes = rng.integers(head.num_embeddings, size=size, dtype="int32")
    others = [
        (codes + step) % head.num_embeddings
        for step in np.eye(count, dtype="int32")
    ]

    def compute(features, codes, others):
        logits = head(features, codes)
        changed = [head(features, other) for other in others]
        steps = [head.step(features, codes, i) for i in range(count)]
        return logits, changed, steps, head.nats(features, codes)

    logits, changed, steps, nats = run(
        compute, features, codes, others, variables=head.variables
    )
    logits = logits.reshape(4, count, -1)
    np.testing.assert_allclose(np.stack(steps, 1), logits, rtol=1e-5, atol=1e-5)
    for i, other in enumerate(changed):
        differs = np.abs(other.reshape(logits.shape) - logits).max(axis=(0, 2))
        assert (differs[: i + 1] == 0).all()
        assert (differs[i + 1 :] > 1e-4).all()
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    at = codes.reshape(4, count, 1)
    expected = -np.take_along_axis(log_p, at, axis=-1).sum(axis=(1, 2))
    np.testing.assert_allclose(nats, expected, rtol=1e-4)


def test_tied_logits_are_products_with_the_embeddings(rng):
    embedding = layers.CodeEmbedding(5, 6)
    head = priors.CodeHead(5, 6, is_tied=True)
    head.tie(embedding)
    features = rng.normal(size=(4, 6)).astype("float32")
    np.testing.assert_allclose(
        to_numpy(head(features)),
        features @ to_numpy(embedding.embeddings).T,
        atol=1e-5,
    )
