"""Usage: python run_saved_model_cli.py REQUESTS.json ANSWERS.json

Runs `saved_model_cli run` for each request, all in one process, without keras
and keras_vq, which cannot be imported. A request has `dir`, `signature`,
`inputs` (names to .npy files) and `outdir`; one that has no `outdir` goes to
the session past the checks of Python, as a server's requests do. ANSWERS has
null for what went well, and the errors of the others.
"""

import functools
import json
import pathlib
import sys

sys.modules["keras"] = None
sys.modules["keras_vq"] = None

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from absl import flags  # noqa: E402
from tensorflow.python.client import pywrap_tf_session  # noqa: E402
from tensorflow.python.tools import saved_model_cli  # noqa: E402


def run_cli(request):
    given = ";".join(f"{k}={path}" for k, path in request["inputs"].items())
    sys.argv = [
        "saved_model_cli", "run", "--dir", request["dir"], "--tag_set", "serve",
        "--signature_def", request["signature"], "--inputs", given, "--outdir",
        request["outdir"],
    ]  # fmt: skip
    flags.FLAGS.unparse_flags()
    try:
        saved_model_cli.main()
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"exit code {end.code}") from end


class Session:
    """Runs requests as a server does: no array is cast or looked at."""

    def __init__(self, path):
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            model = tf.compat.v1.saved_model.load(self.session, ["serve"], path)
        self.signatures = model.signature_def

    def place(self, info):
        tensor = self.session.graph.get_tensor_by_name(info.name)
        return tensor._as_tf_output()

    def run(self, request):
        signature = self.signatures[request["signature"]]
        feeds = {
            self.place(signature.inputs[name]): np.load(path, allow_pickle=True)
            for name, path in request["inputs"].items()
        }
        fetches = [self.place(info) for info in signature.outputs.values()]
        pywrap_tf_session.TF_SessionRun_wrapper(
            self.session._session, None, feeds, fetches, [], None
        )


def main(requests, answers):
    found = []
    open_session = functools.cache(Session)
    for request in json.loads(pathlib.Path(requests).read_text()):
        try:
            if "outdir" in request:
                run_cli(request)
            else:
                open_session(request["dir"]).run(request)
            found.append(None)
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
    pathlib.Path(answers).write_text(json.dumps(found))


main(*sys.argv[1:])
