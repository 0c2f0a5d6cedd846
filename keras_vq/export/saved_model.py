import json
import pathlib

from keras_vq.checks import check_flag
from keras_vq.checks import check_int
from keras_vq.export.generate_signature import generate_signature
from keras_vq.export.in_tensorflow import in_tensorflow
from keras_vq.export.model_signatures import first_stage_of
from keras_vq.export.model_signatures import model_signatures
from keras_vq.export.new_folder import new_folder
from keras_vq.export.png_signatures import check_images
from keras_vq.export.png_signatures import png_signatures
from keras_vq.export.warmup import write_warmup
from keras_vq.extras import require
from keras_vq.generator import LatentGenerator
from keras_vq.samplers import get


def saved_model(
    model,
    path,
    version=None,
    png=False,
    top_k=None,
    top_p=None,
    jit_compile=False,
    warmup_batch_sizes=(),
):
    """Export a model as a TensorFlow SavedModel, for any batch size.

    | signature | inputs | output |
    |---|---|---|
    | `serve`, `serving_default` | `inputs` | `reconstructions` |
    | `encode` | `inputs` | `indices` |
    | `decode` | `indices` | `outputs` |

    `inputs`, `outputs` and `reconstructions` are float32 `(batch,
    *input_shape)` in the model's `value_range`; `indices` are int32 `(batch,
    *code_shape)`. Instead of `indices`,

    - a model with several maps of codes has `indices_0`, `indices_1` and so
      on, top first, all of which `decode` takes;
    - a model without codes has `latents`, float32 `(batch, *latent_shape)`.

    Each signature of a conditional model also takes `labels`, int32
    `(batch,)`.

    A `keras_vq.LatentGenerator` has the signatures of its tokenizer, and

    | signature | inputs | output |
    |---|---|---|
    | `generate` | `seed`, `temperature`, `labels` | `images` |

    with int32 scalar `seed` and float32 scalar `temperature`. It samples the
    same images as `LatentGenerator.generate`, in one loop of the graph. A
    conditional prior also takes `condition` (codes or floats, not images); a
    prior without conditioning takes int32 scalar `num_images` instead of
    `labels`.

    With `png`, a model of images also has

    | signature | inputs | output |
    |---|---|---|
    | `encode_png` | `image_bytes` | `indices` |
    | `decode_png` | `indices` | `image_bytes` |

    where `image_bytes` is string `(batch,)`, the bytes of image files.

    A request of a wrong dtype, shape or value gets an error that names the
    input. `assets.extra/signatures.json` describes the inputs and outputs of
    each signature, with ranges of values;
    with `warmup_batch_sizes`, `assets.extra/tf_serving_warmup_requests` holds
    the requests that TensorFlow Serving runs before it answers any.

    The graph needs neither keras nor keras_vq. On the JAX and PyTorch backends
    a child process on the TensorFlow backend writes the same graph.

    Args:
        model: A `keras_vq.models.FirstStage` or `keras_vq.LatentGenerator`.
        path: Folder to create. It must not exist; its parent must.
        version: int >= 0 or None. With a version the folder is
            `path/version`, where TensorFlow Serving looks for it, and `path`
            may exist. Defaults to None.
        png: bool, whether to add `encode_png` and `decode_png`. Defaults to
            False.
        top_k: int or None, codes that `generate` samples from; see
            `keras_vq.samplers.get`. Defaults to None.
        top_p: float or None, likewise. Defaults to None.
        jit_compile: bool, whether XLA compiles the loop of `generate`, once per
            batch size. TensorFlow Serving then needs
            `--xla_cpu_compilation_enabled`. Defaults to False.
        warmup_batch_sizes: tuple of int, sizes of the warm-up requests to each
            signature; they need `pip install 'keras_vq[serving]'`. Defaults to
            `()`.

    Raises:
        FileExistsError: If `path`, or the version in it, exists.
        FileNotFoundError: If its parent does not.
        PermissionError: If its parent cannot be written to.
        ValueError: If an argument does not fit the model.

    Example:

    ```python
    keras_vq.export.saved_model(model, "served", version=1)
    served = tf.saved_model.load("served/1")
    codes = served.signatures["encode"](inputs=images)["indices"]
    ```
    """
    generates = isinstance(model, LatentGenerator)
    drawing = {"top_k": top_k, "top_p": top_p, "jit_compile": jit_compile}
    if generates:
        get(1.0, top_k, top_p)
    elif any(drawing.values()):
        raise ValueError(
            "`top_k`, `top_p` and `jit_compile` configure `generate` of a "
            f"LatentGenerator. Received: {drawing} for a {type(model).__name__}"
        )
    if check_flag("png", png):
        check_images(model)
    check_flag("jit_compile", jit_compile)
    for batch_size in warmup_batch_sizes:
        check_int("warmup_batch_sizes", batch_size)
    if warmup_batch_sizes:
        require("Writing warm-up requests", "tensorflow_serving")
    with new_folder(path, version) as temporary:
        in_tensorflow(
            write_saved_model,
            model,
            temporary,
            png=png,
            drawing=drawing,
            warmup_batch_sizes=list(warmup_batch_sizes),
        )


def write_saved_model(model, path, png, drawing, warmup_batch_sizes):
    """Write the folder; on the TensorFlow backend."""
    import tensorflow as tf

    first_stage = first_stage_of(model)
    signatures = model_signatures(first_stage)
    if isinstance(model, LatentGenerator):
        signatures.append(generate_signature(model, **drawing))
    if png:
        signatures += png_signatures(first_stage)
    # Not the model itself, which also holds compiled functions.
    served = tf.Module()
    served.weights = [variable.value for variable in model.variables]
    functions = {
        signature.name: tf.function(
            signature,
            input_signature=[field.spec for field in signature.inputs],
            autograph=False,
        )
        for signature in signatures
    }
    functions["serving_default"] = functions["serve"]
    tf.saved_model.save(served, str(path), functions)
    assets = pathlib.Path(path) / "assets.extra"
    assets.mkdir()
    if warmup_batch_sizes:
        write_warmup(signatures, assets, warmup_batch_sizes)
    described = {s.name: s.to_dict() for s in signatures}
    described["serving_default"] = described.pop("serve")
    document = assets / "signatures.json"
    document.write_text(
        json.dumps(described, indent=2) + "\n", encoding="utf-8"
    )
