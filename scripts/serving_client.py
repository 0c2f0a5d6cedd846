"""Query a served model over REST and gRPC.

    scripts/tf_serving.sh served mnist
    python scripts/serving_client.py mnist
    python scripts/serving_client.py mnist --labels 3 1 4 --out digits.png

Prints the inputs and outputs of each signature, then generates images with
`generate` over both interfaces, prints the difference of the results, and
writes the images. A model without `generate` encodes and decodes a gray input
instead. gRPC uses the official `tensorflow-serving-api`; REST needs nothing but
Python.
"""

import argparse
import base64
import json
import pathlib
import urllib.error
import urllib.request

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc


def predict_rest(address, model, signature, inputs):
    """Run a signature over REST.

    Args:
        address: str, `"host:8501"`.
        model: str, the model's name on the server.
        signature: str.
        inputs: dict of NumPy arrays; bytes are arrays of dtype object.

    Returns:
        dict of NumPy arrays by the outputs' names.
    """
    body = {
        "signature_name": signature,
        # Columns, not rows ("instances"): all examples share one seed.
        "inputs": {name: _to_json(x) for name, x in inputs.items()},
    }
    request = urllib.request.Request(
        f"http://{address}/v1/models/{model}:predict",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            outputs = json.load(response)["outputs"]
    except urllib.error.HTTPError as error:
        message = json.load(error)["error"]
        raise ValueError(f"{error.code}: {message}") from error
    if not isinstance(outputs, dict):
        outputs = {None: outputs}  # a single output comes without its name
    return {name: _from_json(x) for name, x in outputs.items()}


def _to_json(x):
    if isinstance(x, bytes):
        return {"b64": base64.b64encode(x).decode()}
    x = np.asarray(x)
    if x.dtype == object:
        return [_to_json(one) for one in x]
    return x.tolist()


def _from_json(x):
    if isinstance(x, list) and x and isinstance(x[0], dict):
        return np.array([base64.b64decode(one["b64"]) for one in x], object)
    return np.array(x)


def predict_grpc(address, model, signature, inputs):
    """Run a signature over gRPC.

    `address` is `"host:8500"`; otherwise like `predict_rest`.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, x in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(x))
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(request, timeout=60)
    return {name: tf.make_ndarray(x) for name, x in response.outputs.items()}


def signatures_of(address, model):
    """The signatures of a served model: names to `SignatureDef`, over gRPC."""
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = model
    request.metadata_field.append("signature_def")
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.GetModelMetadata(request, timeout=60)
    found = get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(found)
    return dict(found.signature_def)


def _words(tensors):
    return ", ".join(
        f"{name} {tf.dtypes.as_dtype(info.dtype).name}"
        f"{[n.size for n in info.tensor_shape.dim]}"
        for name, info in sorted(tensors.items())
    )


def _ask(args, signatures):
    """Signature and inputs of the example request."""
    if "generate" not in signatures:
        info = signatures["encode"].inputs["inputs"]
        shape = [abs(n.size) for n in info.tensor_shape.dim]
        inputs = {"inputs": np.full(shape, 0.5, "float32")}
        if "labels" in signatures["encode"].inputs:
            inputs["labels"] = np.array(args.labels[:1], "int32")
        return "serving_default", inputs
    inputs = {
        "seed": np.array(args.seed, "int32"),
        "temperature": np.array(args.temperature, "float32"),
    }
    if "labels" in signatures["generate"].inputs:
        inputs["labels"] = np.array(args.labels, "int32")
    else:
        inputs["num_images"] = np.array(len(args.labels), "int32")
    return "generate", inputs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="the model's name on the server")
    parser.add_argument("--rest", default="localhost:8501")
    parser.add_argument("--grpc", default="localhost:8500")
    parser.add_argument("--labels", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="served.png")
    args = parser.parse_args()
    signatures = signatures_of(args.grpc, args.model)
    for name, signature in sorted(signatures.items()):
        if signature.inputs:
            print(f"{name}: {_words(signature.inputs)}")
            print(f"    -> {_words(signature.outputs)}")
    name, inputs = _ask(args, signatures)
    (by_rest,) = predict_rest(args.rest, args.model, name, inputs).values()
    (by_grpc,) = predict_grpc(args.grpc, args.model, name, inputs).values()
    difference = np.abs(by_rest - by_grpc).max()
    print(f"{name}: {by_grpc.shape}, REST and gRPC differ by {difference:.1e}")
    if by_grpc.ndim == 4:
        picture = np.round(255 * np.concatenate(by_grpc, 1)).astype("uint8")
        pathlib.Path(args.out).write_bytes(tf.io.encode_png(picture).numpy())
        print(f"Wrote {args.out}.")


if __name__ == "__main__":
    main()
