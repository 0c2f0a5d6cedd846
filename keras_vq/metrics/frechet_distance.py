import keras
from keras import ops

from keras_vq.metrics.feature_moments import FeatureMoments
from keras_vq.networks import feature_dims
from keras_vq.networks import image_features
from keras_vq.networks import inception_features
from keras_vq.ops.to_float import to_float
from keras_vq.saving.config import serializable


@serializable
class FrechetDistance(keras.metrics.Metric):
    """Fréchet distance of two sets of images, from normal fits to features.

    `|m1 - m2|**2 + tr(S1 + S2 - 2 (S1 S2)**0.5)`, with the means `m` and the
    unbiased covariances `S` of the features of real and of generated images;
    0 for equal ones. Mean and covariance are updated batch by batch in
    float32, so memory does not grow; the two sets may differ in size.

    `result()` decomposes matrices as wide as the features. Compiled into a
    model it would run at every step, which takes up to a minute on a CPU for
    Inception's 2048 features: update it in a loop instead and call `result`
    once. It is for a single device; replicas do not combine their moments.

    With `"inception"` it is a Fréchet inception distance with the weights of
    `keras.applications`. Published values use other weights, so compare only
    values of this metric, for equal numbers of images: tens of thousands,
    since with fewer images than features distances are biased upward.

    Args:
        feature_network: `keras.Model` from images `(batch, height, width,
            channels)` in [0, 1] to features `(batch, dim)`, or to a map
            `(batch, height, width, dim)`, which is averaged over the places.
            Or `"inception"`, Inception-v3 with ImageNet weights, which are
            downloaded. Defaults to `"inception"`. A configuration does not
            include the weights of a model: pass it again after loading.
        name: Name of the metric. Defaults to `"frechet_distance"`.

    Raises:
        OSError: If the weights of Inception cannot be downloaded.
        ValueError: If `feature_network` is not such a model.

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
        """Add images; the numbers of real and generated ones may differ.

        Args:
            y_true: tensor `(batch, height, width, channels)`, real images,
                float in [0, 1] or uint8.
            y_pred: tensor `(other_batch, height, width, channels)`, generated
                images.
            sample_weight: Must be None.
        """
        if sample_weight is not None:
            raise ValueError(
                "`FrechetDistance` does not support `sample_weight`. Received "
                "one."
            )
        self.real.update_state(self._vectors(y_true))
        self.generated.update_state(self._vectors(y_pred))

    def result(self):
        mean_1, covariance_1 = self.real.result()
        mean_2, covariance_2 = self.generated.result()
        # The trace of (S1 S2)**0.5 is the sum of the singular values of
        # S1**0.5 S2**0.5, more exact in float32 than roots of eigenvalues.
        product = ops.matmul(_root(covariance_1), _root(covariance_2))
        overlap = ops.sum(ops.svd(product, compute_uv=False))
        trace = ops.trace(covariance_1) + ops.trace(covariance_2)
        distance = ops.sum(ops.square(mean_1 - mean_2))
        return ops.maximum(distance + trace - 2.0 * overlap, 0.0)

    def _vectors(self, images):
        (x,) = image_features(self.network, to_float(images))
        axes = tuple(range(1, len(x.shape) - 1))
        return ops.mean(x, axis=axes) if axes else x


def _root(covariance):
    """The symmetric square root; negative rounding errors become 0."""
    values, vectors = ops.eigh(covariance)
    roots = ops.sqrt(ops.maximum(values, 0.0))
    return ops.matmul(vectors * roots, ops.transpose(vectors))
