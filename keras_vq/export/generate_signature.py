from keras_vq.export.field import Field
from keras_vq.export.heated_sampler import HeatedSampler
from keras_vq.export.model_signatures import label_fields
from keras_vq.export.model_signatures import values_field
from keras_vq.export.signature import Signature
from keras_vq.networks import Conditioning
from keras_vq.samplers.uniform_noise import threefry

_TEMPERATURE = Field(
    "temperature",
    "float32",
    (),
    "Divides the logits: 1 draws from the prior as trained, 0 takes the "
    "most probable codes.",
    0,
    sample=1,
)


def generate_signature(generator, top_k=None, top_p=None, jit_compile=False):
    """The signature `generate`.

    Args:
        generator: `keras_vq.LatentGenerator`, on the TensorFlow backend.
        top_k: See `keras_vq.samplers.get`.
        top_p: See `keras_vq.samplers.get`.
        jit_compile: bool, whether XLA compiles the loop. Defaults to False.

    Returns:
        `Signature`.
    """
    import tensorflow as tf

    prior = generator.prior
    sampler = prior.sampler_of(1.0, top_k, top_p)
    temperatures = [] if prior.is_continuous else [_TEMPERATURE]
    conditioning = [
        *label_fields(prior, is_optional=prior.label_dropout > 0),
        *_condition_fields(prior),
    ]
    names = [field.name for field in conditioning]

    # Only the draws are compiled: the noise needs no loop, and its shape, which
    # depends on the number of images, is not a constant.
    @tf.function(jit_compile=jit_compile)
    def draw(noise, temperature, arrays):
        given = Conditioning(**dict(zip(names, arrays, strict=True)))
        if prior.is_continuous:
            return prior.generate_step(noise, given)
        heated = HeatedSampler(sampler, temperature)
        return prior.generate_step(noise, given, sampler=heated)

    def generate(seed, *inputs):
        temperature, arrays = None, list(inputs)
        if temperatures:
            temperature = arrays.pop(0)
        count = tf.shape(arrays[0])[0] if conditioning else arrays.pop()
        noise = _uniform_noise(seed, count, prior.num_draws)
        codes = draw(noise, temperature, arrays)
        return [generator.decode_step(codes)]

    seed = Field(
        "seed",
        "int32",
        (),
        "Equal seeds and temperatures draw equal images.",
        0,
        2**31 - 1,
    )
    number = Field(
        "num_images", "int32", (), "Number of images.", 1, is_batch_size=True
    )
    return Signature(
        "generate",
        "Sample from the prior and decode.",
        generate,
        [seed, *temperatures, *(conditioning or [number])],
        [values_field(generator.tokenizer, "images", "New images.")],
    )


def _condition_fields(prior):
    if prior.condition_shape is None:
        return []
    count = prior.num_condition_embeddings
    return [
        Field(
            "condition",
            prior.condition_dtype,
            (None, *prior.condition_shape),
            "Condition of each example.",
            *((None, None) if count is None else (0, count - 1)),
        )
    ]


def _uniform_noise(seed, count, length):
    """`keras_vq.samplers.uniform_noise`, in a graph."""
    import tensorflow as tf

    row, column = tf.meshgrid(tf.range(count), tf.range(length), indexing="ij")

    def word(x):
        return tf.cast(x, tf.uint32)

    def rotate(x, bits):
        return tf.bitwise.bitwise_or(
            tf.bitwise.left_shift(x, word(bits)),
            tf.bitwise.right_shift(x, word(32 - bits)),
        )

    bits = threefry(word(seed), word(row), word(column), word, rotate)
    bits = tf.bitwise.right_shift(bits, word(8))
    return tf.cast(bits, tf.float32) * 2.0**-24
