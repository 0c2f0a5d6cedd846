from keras_vq import samplers
from keras_vq.export.field import Field
from keras_vq.export.heated_sampler import HeatedSampler
from keras_vq.export.model_signatures import label_fields
from keras_vq.export.model_signatures import values_field
from keras_vq.export.signature import Signature
from keras_vq.samplers.uniform_noise import threefry


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
    sampler = samplers.get(1.0, top_k, top_p)
    told = [*label_fields(prior), *_condition_fields(prior)]
    names = [field.name for field in told]

    # The draws alone are compiled: the noise needs no loop, and what has to do
    # with the number of images is no constant.
    @tf.function(jit_compile=jit_compile)
    def draw(noise, temperature, arrays):
        return prior.generate_step(
            noise,
            sampler=HeatedSampler(sampler, temperature),
            **dict(zip(names, arrays)),
        )

    def generate(seed, temperature, *arrays):
        count = tf.shape(arrays[0])[0] if told else arrays[0]
        noise = _uniform_noise(seed, count, prior.num_codes)
        codes = draw(noise, temperature, arrays if told else ())
        return [generator.tokenizer.decode_step(codes)]

    seed = Field(
        "seed",
        "int32",
        (),
        "One seed and temperature draw the same images each time.",
        0,
        2**31 - 1,
    )
    temperature = Field(
        "temperature",
        "float32",
        (),
        "Divides the logits; 1 draws as the prior was trained, 0 takes the "
        "most probable code.",
        0,
        sample=1,
    )
    number = Field(
        "num_images", "int32", (), "How many.", 1, is_batch_size=True
    )
    return Signature(
        "generate",
        "Draw codes and decode them.",
        generate,
        [seed, temperature, *(told or [number])],
        [values_field(generator.tokenizer, "images", "New images.")],
    )


def _condition_fields(prior):
    if getattr(prior, "condition_shape", None) is None:
        return []
    count = prior.num_condition_embeddings
    return [
        Field(
            "condition",
            prior.condition_dtype,
            (None, *prior.condition_shape),
            "What else the prior is told of each example.",
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
