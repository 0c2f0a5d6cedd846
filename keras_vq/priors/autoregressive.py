import math

import keras
from keras import ops

from keras_vq import backend
from keras_vq import samplers
from keras_vq.checks import check_flag
from keras_vq.checks import check_type
from keras_vq.checks import title
from keras_vq.networks import CausalNetwork
from keras_vq.networks import Conditioning
from keras_vq.networks import SlidingWindow
from keras_vq.ops.masked_mean import masked_mean
from keras_vq.priors.delay import delayed
from keras_vq.priors.delay import undelayed
from keras_vq.priors.drawing import draw
from keras_vq.priors.heads import CodeHead
from keras_vq.priors.prior import Prior
from keras_vq.saving.config import serializable
from keras_vq.training.batches import in_batches
from keras_vq.training.batches import to_array


@serializable
class AutoregressivePrior(Prior):
    """A prior that predicts one code at a time.

    ```
    p(codes | c) = product over positions i, in raster order, of
                   p(codes[i] | codes[:i], c)
    ```

    where c is the conditioning. The network computes features of a position
    from the codes before it, and the head turns them into probabilities.

    Args:
        network: A causal network of `keras_vq.networks`: `PixelCNN`,
            `PixelSNAIL`, `Transformer`, `WaveNet` or another `CausalNetwork`.
        head: A head of `keras_vq.priors`: `CodeHead`, or
            `LogisticMixtureHead` for pixels. None for a `CodeHead`, tied to
            the network's embedding if it was created with `tie_weights`.
            Defaults to None.
        is_delayed: bool, whether each code of a position follows the one before
            by a step: code s of time t is at position t + s of the network,
            which has `codes_per_position - 1` more positions than the codes.
            Codes of later stages then see more of the others, at no more steps.
            Defaults to False.
        label_dropout: float in [0, 1), share of training examples whose label
            is replaced by "no label", for classifier-free guidance. Defaults to
            0.0.
        seed: int or None, seed of that dropout. Defaults to None.
        tokenizer_fingerprint: See `Prior`. Defaults to None.
        **kwargs: `name`, `dtype` and others of `keras.Model`.

    Call arguments:
        inputs: int tensor `(batch, *code_shape)`, codes; with a condition the
            pair `(codes, condition)`; with `num_classes` a pair of that and an
            int tensor `(batch,)`, labels.
        training: bool. Defaults to False.

    Returns:
        float32 tensor `(batch, *code_shape, num_embeddings)`, logits.

    Raises:
        ValueError: If an argument is out of range, or network and head do not
            match.

    Example:

    >>> network = keras_vq.networks.PixelCNN((4, 4), 16, num_classes=10)
    >>> prior = keras_vq.priors.AutoregressivePrior(network)
    >>> prior.compile("adam")
    >>> codes = np.random.randint(16, size=(8, 4, 4))
    >>> history = prior.fit(codes, np.arange(8), verbose=0)
    >>> prior.generate(2, labels=[3, 7], top_p=0.9, seed=0).shape
    (2, 4, 4)

    Conditioned on another map of codes, such as a segmentation's:

    >>> network = keras_vq.networks.Transformer(
    ...     (4, 4), 16, condition_shape=(2, 2), num_condition_embeddings=8)
    >>> prior = keras_vq.priors.AutoregressivePrior(network)
    >>> prior.compile("adam")
    >>> condition = np.random.randint(8, size=(8, 2, 2))
    >>> history = prior.fit((codes, condition), verbose=0)
    >>> prior.generate(8, condition=condition, temperature=0).shape
    (8, 4, 4)

    References:
        van den Oord et al., Neural Discrete Representation Learning, 2017,
        section 3.3.
    """

    def __init__(
        self,
        network,
        head=None,
        is_delayed=False,
        label_dropout=0.0,
        seed=None,
        tokenizer_fingerprint=None,
        **kwargs,
    ):
        check_type(
            "network",
            network,
            CausalNetwork,
            "a causal network of keras_vq.networks",
        )
        super().__init__(label_dropout, seed, tokenizer_fingerprint, **kwargs)
        self.network = network
        self.is_delayed = check_flag("is_delayed", is_delayed)
        self.describe(
            _undelayed_shape(network) if is_delayed else network.code_shape,
            network.num_embeddings,
            network.num_classes,
        )
        self.condition_shape = network.condition_shape
        self.num_condition_embeddings = network.num_condition_embeddings
        self.codes_per_position = network.codes_per_position
        self.num_positions = network.num_positions
        self.head = head or CodeHead(
            network.num_embeddings,
            network.features_dim,
            network.codes_per_position,
            is_tied=network.tied_embedding is not None,
        )
        _check_head(network, self.head)
        if self.head.is_tied:
            self.head.tie(network.tied_embedding)
        self.track("loss", "bits_per_dim")

    def call(self, inputs, training=False):
        codes, conditioning = self.split(inputs)
        return self.logits(codes, conditioning, training)

    def logits(self, codes, conditioning=Conditioning(), training=False):
        """Logits of all codes, each given those before it.

        Args:
            codes: int32 tensor `(batch, *code_shape)`.
            conditioning: `keras_vq.networks.Conditioning`. Defaults to no
                conditioning.
            training: bool. Defaults to False.

        Returns:
            float32 tensor `(batch, *code_shape, num_embeddings)`.
        """
        if self.is_delayed:
            codes = delayed(codes, fill=0)
        features = self.network(
            codes, conditioning=conditioning, training=training
        )
        logits = self.head(features, codes)
        return undelayed(logits) if self.is_delayed else logits

    def losses_of(self, x, labels, training):
        codes, conditioning = self.with_condition(x, labels)
        if training:
            conditioning = self.drop_labels(conditioning)
        nats = self.nats(codes, conditioning, training)
        loss = masked_mean(nats) / self.codes_per_position
        return {"loss": loss, "bits_per_dim": loss / math.log(2.0)}

    def nats(self, codes, conditioning=Conditioning(), training=False):
        """-log p of the codes at each position.

        Args:
            codes: int32 tensor `(batch, *code_shape)`.
            conditioning: `keras_vq.networks.Conditioning`. Defaults to no
                conditioning.
            training: bool. Defaults to False.

        Returns:
            float32 tensor `(batch, *position_shape)`.
        """
        if self.is_delayed:
            nats = keras.losses.sparse_categorical_crossentropy(
                codes,
                self.logits(codes, conditioning, training),
                from_logits=True,
            )
            return ops.sum(nats, axis=-1)
        features = self.network(
            codes, conditioning=conditioning, training=training
        )
        return self.head.nats(features, codes)

    def log_prob(self, codes, labels=None, condition=None, batch_size=32):
        codes = to_array(codes)
        self.check_codes(codes)
        conditioning = self.conditioning_arrays(labels, condition, len(codes))
        step = self.jit(self.log_prob_step)
        return in_batches(
            step, [codes.astype("int32"), conditioning], batch_size
        )

    def log_prob_step(self, codes, conditioning=Conditioning()):
        """`log_prob` of one batch of tensors, float32 `(batch,)`."""
        nats = self.nats(codes, conditioning)
        return -ops.sum(nats, axis=tuple(range(1, len(nats.shape))))

    # === Sampling ===

    def generate(
        self,
        num_samples,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        temperature=1.0,
        top_k=None,
        top_p=None,
        guidance_scale=None,
        prompt=None,
        sampler=None,
    ):
        """Sample codes, one after the other in one loop.

        Args:
            num_samples: int >= 1, number of examples.
            labels: int array `(num_samples,)` or int, for a prior with
                `num_classes`. Defaults to None.
            condition: array `(num_samples, *condition_shape)`, for a prior with
                a condition. Defaults to None.
            seed: int or None; one seed gives the same codes on every backend.
                Defaults to None.
            batch_size: int, examples sampled together. Defaults to 64.
            temperature: float >= 0, divides the logits; 0 takes the most
                probable code. Defaults to 1.0.
            top_k: int or None, sample from the k most probable codes. Defaults
                to None.
            top_p: float in (0, 1] or None, sample from the smallest set of
                codes with this total probability. Defaults to None.
            guidance_scale: float or None, classifier-free guidance: 0 ignores
                the labels, 1 is the conditional model, larger values strengthen
                the labels. Defaults to None.
            prompt: int array `(num_samples, m)` or None, the first m codes in
                raster order. Defaults to None.
            sampler: `keras_vq.samplers.Sampler` or None, instead of
                `temperature`, `top_k` and `top_p`. Defaults to None.

        Returns:
            NumPy int32 array `(num_samples, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        codes, known = self.start_from(num_samples, prompt)
        return self.complete(
            codes,
            known,
            labels,
            condition,
            seed,
            batch_size,
            sampler or samplers.get(temperature, top_k, top_p),
            guidance_scale,
        )

    def complete(
        self,
        codes,
        known,
        labels=None,
        condition=None,
        seed=None,
        batch_size=64,
        sampler=None,
        guidance_scale=None,
    ):
        """Keep the known codes and sample the others, each given those before.

        Args:
            codes: int array `(n, *code_shape)`.
            known: bool array `(n, *code_shape)`, True for codes to keep.
            labels: int array `(n,)` or int, for a prior with `num_classes`.
                Defaults to None.
            condition: array `(n, *condition_shape)`, for a prior with a
                condition. Defaults to None.
            seed, batch_size, guidance_scale: See `generate`.
            sampler: `keras_vq.samplers.Sampler`; None samples from the whole
                softmax. Defaults to None.

        Returns:
            NumPy int32 array `(n, *code_shape)`.

        Raises:
            ValueError: If an argument does not fit.
        """
        return draw(
            self,
            codes,
            known,
            labels,
            condition,
            seed,
            batch_size,
            sampler,
            guidance_scale,
        )

    def draw_step(
        self,
        codes,
        known,
        noise,
        conditioning,
        sampler,
        guidance=None,
        plan=None,
    ):
        if self.is_delayed:
            drawn = self._draw(
                self._delayed(codes, fill=0),
                self._delayed(known, fill=True),
                self._delayed(noise, fill=0.0),
                conditioning,
                sampler,
                guidance,
            )
            positions = (-1, self.num_positions, self.codes_per_position)
            drawn = undelayed(ops.reshape(drawn, positions))
            return ops.reshape(drawn, (-1, self.num_codes))
        return self._draw(codes, known, noise, conditioning, sampler, guidance)

    def _delayed(self, x, fill):
        """`delayed` of a flat tensor `(batch, num_codes)`."""
        x = ops.reshape(x, (-1, *self.code_shape))
        positions = self.num_positions * self.codes_per_position
        return ops.reshape(delayed(x, fill), (-1, positions))

    def _draw(self, codes, known, noise, conditioning, sampler, guidance):
        """`draw_step` in the order of the network's positions."""
        is_guided = guidance is not None
        batch_size = ops.shape(codes)[0]
        if is_guided:
            batch_size = 2 * batch_size
            conditioning = self.with_unconditional(conditioning)
        state = self.network.initial_state(batch_size, conditioning)
        if self.codes_per_position > 1:
            features = ops.zeros(
                (batch_size, self.network.features_dim), "float32"
            )
            state = {"features": features, "network": state}

        def step(index, carry):
            codes, state = carry
            if is_guided:
                twice = ops.concatenate([codes, codes])
                logits, state = self.next_logits(index, twice, state)
                conditional, unconditional = ops.split(logits, 2)
                logits = unconditional + guidance * (
                    conditional - unconditional
                )
            else:
                logits, state = self.next_logits(index, codes, state)
            code = ops.where(
                known[:, index],
                codes[:, index],
                sampler(logits, noise[:, index]),
            )
            return backend.write(codes, index, code), state

        return ops.fori_loop(0, codes.shape[1], step, (codes, state))[0]

    def next_logits(self, index, codes, state):
        """Compute the logits of the next code; called for each code in order.

        Args:
            index: int or int tensor, index of the code.
            codes: int32 tensor `(batch, num_codes)`; only earlier codes are
                read.
            state: State of the network; with several codes per position also
                the features of the current position.

        Returns:
            `logits, state`, logits float32 `(batch, num_embeddings)`.
        """
        count = self.codes_per_position
        if count == 1:
            features, state = self.network.step(index, codes, state)
            return self.head.step(features, None, 0), state
        position, code = index // count, index % count
        codes = ops.reshape(codes, (-1, self.num_positions, count))
        features, network_state = ops.cond(
            code == 0,
            lambda: self.network.step(position, codes, state["network"]),
            lambda: (state["features"], state["network"]),
        )
        logits = self.head.step(features, codes[:, position], code)
        return logits, {"features": features, "network": network_state}

    def resized(self, code_shape, **kwargs):
        """Make a prior over larger maps, with the same weights.

        Its network sees a window of the size it was trained on; see
        `keras_vq.networks.SlidingWindow`.

        Args:
            code_shape: tuple of int, shape of the larger maps.
            **kwargs: `name` and others of `keras.Model`.

        Returns:
            `AutoregressivePrior`.

        Raises:
            ValueError: If the shape does not fit.

        Example:

        >>> network = keras_vq.networks.PixelCNN((4, 4), 16, hidden_dim=32)
        >>> prior = keras_vq.priors.AutoregressivePrior(network)
        >>> prior.resized((8, 12)).generate(2, seed=0).shape
        (2, 8, 12)
        """
        if self.is_delayed:
            raise ValueError(
                f"{title(self)} cannot be resized. Received: a prior with "
                "is_delayed=True"
            )
        return AutoregressivePrior(
            SlidingWindow(self.network, code_shape),
            self.head,
            label_dropout=self.label_dropout,
            tokenizer_fingerprint=self.tokenizer_fingerprint,
            **kwargs,
        )


def _undelayed_shape(network):
    """Shape of the codes whose delayed arrangement a network models."""
    count = network.codes_per_position
    if count == 1 or len(network.position_shape) != 1:
        raise ValueError(
            "Codes are delayed in sequences with several codes per position. "
            f"Received: is_delayed=True for {title(network)} with code_shape="
            f"{network.code_shape} and codes_per_position={count}"
        )
    is_prefix = network.num_condition_embeddings is not None
    if network.condition_shape is not None and not is_prefix:
        raise ValueError(
            "Codes that are delayed do not keep step with a condition. "
            f"Received: is_delayed=True for {title(network)} with "
            f"condition_shape={network.condition_shape}"
        )
    time = network.num_positions - count + 1
    if time < 1:
        raise ValueError(
            "A delay of one step per code needs at least as many positions as "
            "codes per position. "
            f"Received: is_delayed=True for code_shape={network.code_shape}"
        )
    return (time, count)


def _check_head(network, head):
    if head.is_tied and network.tied_embedding is None:
        raise ValueError(
            "A tied head needs a network that was created with `tie_weights`. "
            f"Received: is_tied=True for {title(network)}"
        )
    found = (head.dim, head.codes_per_position, head.num_embeddings)
    expected = (
        network.features_dim,
        network.codes_per_position,
        network.num_embeddings,
    )
    if found != expected:
        names = ("dim", "codes_per_position", "num_embeddings")
        raise ValueError(
            "`head` must match the network. Received: "
            f"{title(head)} with {dict(zip(names, found))} for "
            f"{title(network)} with {dict(zip(names, expected))}"
        )
