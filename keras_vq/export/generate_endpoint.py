from keras_vq.samplers.uniform_noise import threefry


def add_generate(archive, generator):
    """Add the signature `generate` to an archive.

    Args:
        archive: `keras.export.ExportArchive` that tracks the generator.
        generator: `keras_vq.LatentGenerator`, on the TensorFlow backend.
    """
    import tensorflow as tf

    def uniform_noise(seed, count):
        """`keras_vq.samplers.uniform_noise`, in a graph."""
        row, column = tf.meshgrid(
            tf.range(count), tf.range(generator.prior.num_codes), indexing="ij"
        )

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

    prior = generator.prior
    told = {}
    if prior.num_classes:
        told["labels"] = tf.TensorSpec((None,), tf.int32, "labels")
    if getattr(prior, "condition_shape", None) is not None:
        told["condition"] = tf.TensorSpec(
            (None, *prior.condition_shape), prior.condition_dtype, "condition"
        )

    def generate(seed, *arrays):
        count = tf.shape(arrays[0])[0] if told else arrays[0]
        codes = prior.generate_step(
            uniform_noise(seed, count), **dict(zip(told, arrays))
        )
        return {"images": generator.tokenizer.decode_step(codes)}

    seed = tf.TensorSpec((), tf.int32, "seed")
    number = tf.TensorSpec((), tf.int32, "num_images")
    rest = list(told.values()) or [number]
    archive.add_endpoint("generate", generate, [seed, *rest])
