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

    def images(seed, count, labels):
        noise = uniform_noise(seed, count)
        codes = generator.prior.generate_step(noise, labels)
        return {"images": generator.tokenizer.decode_step(codes)}

    def of_labels(seed, labels):
        return images(seed, tf.shape(labels)[0], labels)

    def of_number(seed, num_images):
        return images(seed, num_images, None)

    seed = tf.TensorSpec((), tf.int32, "seed")
    if generator.num_classes:
        labels = tf.TensorSpec((None,), tf.int32, "labels")
        archive.add_endpoint("generate", of_labels, [seed, labels])
    else:
        number = tf.TensorSpec((), tf.int32, "num_images")
        archive.add_endpoint("generate", of_number, [seed, number])
