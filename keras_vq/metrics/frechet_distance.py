import keras
from keras import ops

from keras_vq.metrics.feature_moments import FeatureMoments
from keras_vq.networks.image_features import feature_dims
from keras_vq.networks.image_features import image_features
from keras_vq.networks.inception_features import inception_features
from keras_vq.ops.to_float import to_float
from keras_vq.saving.config import serializable


@serializable
class FrechetDistance(keras.metrics.Metric):
    """Fréchet distance between sets of images, from Gaussian fits to features.

    `|m1 - m2|**2 + tr(S1 + S2 - 2 (S1 S2)**0.5)`, with the means `m` and the
    unbiased covariances `S` of the features of real and generated images; 0 if
    these are equal. Means and covariances are updated batch by batch in
    float32, so memory use is constant. The two sets may differ in size.

    `result()` decomposes matrices as wide as the features, which takes up to a
    minute on a CPU for Inception's 2048 features. In a compiled model, this
    would run at every step: update the metric in a loop instead, and call
    `result` once. Only a single device is supported; replicas do not combine
    their moments.

    With `"inception"`, this is a Fréchet inception distance (FID) with the
    weights of `keras.applications`. Published values use other weights, so only
    compare values of this metric, for equal numbers of images. Use tens of
    thousands of images: with fewer images than features, distances are biased
    upward.

    Args:
        feature_network: `keras.Model` from images `(batch, height, width,
            channels)` in [0, 1] to features `(batch, dim)` or a feature map
            `(batch, height, width, dim)`, which is averaged over positions; or
            `"inception"`, for Inception-v3 with downloaded ImageNet weights.
            The config does not include the weights of a model, so pass it again
            after loading. Defaults to `"inception"`.
        name: str, name of the metric. Defaults to `"frechet_distance"`.

    Raises:
        OSError: If the weights of Inception cannot be downloaded.
        ValueError: If `feature_network` is not a suitable model.

    Example:

    >>> pool = keras.Sequential(
    ...     [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D()]
    ... )
    >>> metric = keras_vq.metrics.FrechetDistance(pool)
    >>> real, generated = np.zeros((5, 8, 8, 3)), np.ones((4, 8, 8, 3))
    >>> metric.update_state(real, generated)
    >>> float(metric.result())
    3.0

    References:
        Heusel et al., GANs Trained by a Two Time-Scale Update Rule Converge
        to a Local Nash Equilibrium, 2017, section 2.
    """

    def __init__(self, feature_network="inception", name="frechet_distance"):
        super().__init__(name=name, dtype="float32")
        self._direction = "down"
        self.feature_network = feature_network
        if feature_network == "inception":
            feature_network = inception_features()
        dims = feature_dims(feature_network)
        if len(dims) != 1:
            raise ValueError(
                "`feature_network` must have one output. Received: a model "
                f"with {len(dims)} outputs"
            )
        self.network = feature_network
        self.real = FeatureMoments(dims[0], name="real")
        self.generated = FeatureMoments(dims[0], name="generated")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add real and generated images, whose numbers may differ.

        Args:
            y_true: tensor `(batch, height, width, channels)`, real images,
                float in [0, 1] or uint8.
            y_pred: tensor `(other_batch, height, width, channels)`, generated
                images. Either batch may be empty.
            sample_weight: Must be None.
        """
        if sample_weight is not None:
            raise ValueError(
                "`FrechetDistance` does not support `sample_weight`. Received: "
                "a `sample_weight`"
            )
        for moments, images in (
            (self.real, y_true),
            (self.generated, y_pred),
        ):
            if images.shape[0] != 0:  # which not every layer accepts
                moments.update_state(self._vectors(images))

    def result(self):
        mean_1, covariance_1 = self.real.result()
        mean_2, covariance_2 = self.generated.result()
        # The trace of (S1 S2)**0.5 is the sum of the singular values of
        # S1**0.5 S2**0.5, more accurate in float32 than roots of eigenvalues.
        product = ops.matmul(_root(covariance_1), _root(covariance_2))
        overlap = ops.sum(ops.svd(product, compute_uv=False))
        trace = ops.trace(covariance_1) + ops.trace(covariance_2)
        distance = ops.sum(ops.square(mean_1 - mean_2))
        return ops.maximum(distance + trace - 2.0 * overlap, 0.0)

    def _vectors(self, images):
        images = to_float(images)
        if images.shape[0] == 0:  # some kernels reject empty batches
            return ops.zeros((0, self.real.mean.shape[0]), "float32")
        (x,) = image_features(self.network, images)
        axes = tuple(range(1, len(x.shape) - 1))
        return ops.mean(x, axis=axes) if axes else x


def _root(covariance):
    """Symmetric square root; clips eigenvalues that rounding made negative."""
    values, vectors = ops.eigh(covariance)
    roots = ops.sqrt(ops.maximum(values, 0.0))
    return ops.matmul(vectors * roots, ops.transpose(vectors))
