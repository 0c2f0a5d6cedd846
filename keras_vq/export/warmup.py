"""Warm-up requests for TensorFlow Serving."""

import pathlib


def write_warmup(signatures, path, batch_sizes):
    """Write the file of warm-up requests.

    Args:
        signatures: list of `Signature`.
        path: `assets.extra` in the folder of the SavedModel.
        batch_sizes: list of int, sizes of the requests to each signature.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    name = str(pathlib.Path(path) / "tf_serving_warmup_requests")
    with tf.io.TFRecordWriter(name) as writer:
        for signature in signatures:
            for batch_size in batch_sizes:
                log = prediction_log_pb2.PredictionLog()
                request = log.predict_log.request
                request.model_spec.signature_name = signature.name
                for field in signature.inputs:
                    request.inputs[field.name].CopyFrom(
                        tf.make_tensor_proto(
                            field.example(batch_size), field.dtype
                        )
                    )
                writer.write(log.SerializeToString())
