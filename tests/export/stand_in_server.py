"""TensorFlow Serving's two interfaces over one SavedModel, in this process.

For machines without the server: requests of `scripts/serving_client.py` reach
TensorFlow's kernels over loopback, by the official service definition (gRPC)
and the documented JSON (REST). What the server itself does is not tested.
"""

import base64
import concurrent.futures
import contextlib
import http.server
import json
import threading

import grpc
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, folder):
        self.signatures = tf.saved_model.load(str(folder)).signatures
        saved = saved_model_pb2.SavedModel()
        saved.ParseFromString((folder / "saved_model.pb").read_bytes())
        self.definitions = saved.meta_graphs[0].signature_def

    def run(self, signature, inputs):
        run = self.signatures[signature]
        return {k: x.numpy() for k, x in run(**inputs).items()}

    def Predict(self, request, context):
        inputs = {k: tf.make_ndarray(x) for k, x in request.inputs.items()}
        inputs = {k: tf.constant(x) for k, x in inputs.items()}
        response = predict_pb2.PredictResponse()
        name = request.model_spec.signature_name
        for k, x in self.run(name, inputs).items():
            response.outputs[k].CopyFrom(tf.make_tensor_proto(x))
        return response

    def GetModelMetadata(self, request, context):
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in self.definitions.items():
            found.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.metadata["signature_def"].Pack(found)
        return response

    def answer(self, body):
        """The body of a REST answer to the body of a request."""
        name = body["signature_name"]
        infos = self.definitions[name].inputs
        inputs = {
            k: tf.constant(from_json(x), infos[k].dtype)
            for k, x in body["inputs"].items()
        }
        outputs = {k: to_json(x) for k, x in self.run(name, inputs).items()}
        one = len(outputs) == 1
        return {"outputs": next(iter(outputs.values())) if one else outputs}


def from_json(x):
    if isinstance(x, dict):
        return base64.b64decode(x["b64"])
    return [from_json(one) for one in x] if isinstance(x, list) else x


def to_json(x):
    if isinstance(x, bytes):
        return {"b64": base64.b64encode(x).decode()}
    return [to_json(one) for one in x] if x.dtype == object else x.tolist()


def rest_handler(service):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == "/v1/models/tiny:predict"
            size = int(self.headers["Content-Length"])
            try:
                body = service.answer(json.loads(self.rfile.read(size)))
                code = 200
            except Exception as error:
                code, body = 400, {"error": str(error)}
            self.send_response(code)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *args):
            pass

    return Handler


@contextlib.contextmanager
def stand_in_server(folder):
    """Serve the SavedModel in `folder` as `tiny`: addresses of REST, gRPC."""
    service = Service(folder)
    rest = http.server.HTTPServer(("localhost", 0), rest_handler(service))
    thread = threading.Thread(target=rest.serve_forever)
    thread.start()
    workers = concurrent.futures.ThreadPoolExecutor(1)
    server = grpc.server(workers)
    add = prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server
    add(service, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        yield f"localhost:{rest.server_port}", f"localhost:{port}"
    finally:
        server.stop(None).wait()
        rest.shutdown()
        thread.join()
        rest.server_close()
        workers.shutdown()
