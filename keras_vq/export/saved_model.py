import json
import pathlib

from keras_vq.export.generate_signature import generate_signature
from keras_vq.export.in_tensorflow import in_tensorflow
from keras_vq.export.model_signatures import model_signatures
from keras_vq.export.new_folder import new_folder
from keras_vq.export.png_signatures import check_images
from keras_vq.export.png_signatures import png_signatures
from keras_vq.export.warmup import write_warmup
from keras_vq.generator import LatentGenerator
from keras_vq.networks.check_sizes import check_sizes
from keras_vq.samplers import get


def saved_model(
    model,
    path,
    version=None,
    png=False,
    top_k=None,
    top_p=None,
    jit_compile=False,
    warmup_batch_sizes=(1,),
):
    """Write a model as a TensorFlow SavedModel, for any batch size.

    | signature | inputs | output |
    |---|---|---|
    | `serve`, `serving_default` | `inputs` | `reconstructions` |
    | `encode` | `inputs` | `indices` |
    | `decode` | `indices` | `outputs` |

    `inputs`, `outputs` and `reconstructions` are float32 `(batch,
    *input_shape)` in the model's `value_range`; `indices` are int32 `(batch,
    *code_shape)`. In the place of `indices`

    - a model with several maps of codes has `indices_0`, `indices_1` and so
      on, top first, all of which `decode` takes;
    - a model without codes has `latents`, float32 `(batch, *latent_shape)`.

    A conditional model takes `labels` besides, int32 `(batch,)`, in each
    signature.

    A `keras_vq.LatentGenerator` has the signatures of its tokenizer and

    | signature | inputs | output |
    |---|---|---|
    | `generate` | `seed`, `temperature`, `labels` | `images` |

    with int32 scalar `seed` and float32 scalar `temperature`: the images that
    `generate` draws by them, in one loop of the graph. A prior that is told a
    condition takes `condition` besides (codes or floats, not pictures); one
    that is told nothing takes int32 scalar `num_images` in place of `labels`.

    With `png`, a model of images has besides

    | signature | inputs | output |
    |---|---|---|
    | `encode_png` | `image_bytes` | `indices` |
    | `decode_png` | `indices` | `image_bytes` |

    with string `(batch,)`, the bytes of image files, in place of tensors.

    A request of a wrong dtype, shape or value is an error that names the
    input. `assets.extra/signatures.json` says what each signature takes and
    gives, with ranges of values; `assets.extra/tf_serving_warmup_requests` is
    what TensorFlow Serving runs before it answers.

    The graph needs neither keras nor keras_vq. On the JAX and PyTorch backends
    a child process on the TensorFlow backend writes it: the same plain graph
    from all three.

    Args:
        model: A `keras_vq.models.FirstStage` or `keras_vq.LatentGenerator`.
        path: Folder to make; it must not exist, its parent must.
        version: int >= 0 or None. With one, the folder `path/version` is made,
            as TensorFlow Serving looks for it, and `path` may exist. Defaults
            to None.
        png: bool, whether to add `encode_png` and `decode_png`. Defaults to
            False.
        top_k: int or None, what `generate` draws from, as in
            `keras_vq.samplers.get`. Defaults to None.
        top_p: float or None, the same. Defaults to None.
        jit_compile: bool, whether XLA compiles the loop of `generate`, anew for
            each batch size. TensorFlow Serving needs
            `--xla_cpu_compilation_enabled` to run it. Defaults to False.
        warmup_batch_sizes: tuple of int, sizes of the warm-up requests to each
            signature. Defaults to `(1,)`.

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
            "`top_k`, `top_p` and `jit_compile` are of a generator's "
            f"`generate`. Received: {drawing} for a {type(model).__name__}"
        )
    if png:
        check_images(model)
    for batch_size in warmup_batch_sizes:
        check_sizes(None, warmup_batch_sizes=batch_size)
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

    first_stage = getattr(model, "tokenizer", model)
    signatures = model_signatures(first_stage)
    if isinstance(model, LatentGenerator):
        signatures.append(generate_signature(model, **drawing))
    if png:
        signatures += png_signatures(first_stage)
    # The variables alone: a model also holds functions it has compiled.
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
    write_warmup(signatures, path, warmup_batch_sizes)
    described = {s.name: s.to_dict() for s in signatures}
    described["serving_default"] = described.pop("serve")
    document = pathlib.Path(path) / "assets.extra" / "signatures.json"
    document.write_text(json.dumps(described, indent=2) + "\n")
