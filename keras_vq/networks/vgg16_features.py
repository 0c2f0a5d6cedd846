import keras
from keras import layers
from safetensors import safe_open

from keras_vq.networks.local_weights import local_weights

# The last convolution of each block, its ReLU included.
OUTPUTS = (
    "block1_conv2",
    "block2_conv2",
    "block3_conv3",
    "block4_conv3",
    "block5_conv3",
)
# The places of all convolutions among torchvision's layers.
TORCHVISION = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
# Of ImageNet's pixels.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def vgg16_features(weights=None, name="vgg16_features"):
    """VGG-16 of `keras.applications`, as LPIPS sees images through it.

    Args:
        weights: str or Path, a file of weights or its URL: a `.safetensors`
            with torchvision's names (`features.0.weight` ...; others in the
            file are left alone), or a `.weights.h5` or `.h5` of
            `keras.applications.VGG16(include_top=False)`, if trained on
            torchvision's inputs as the file of `keras.applications` is not.
            Defaults to None, random weights.
        name: Name of the model.

    Returns:
        `keras.Model`, images `(batch, height, width, 3)` in [0, 1], of at
        least 16 x 16 pixels, to the list of relu1_2, relu2_2, relu3_3,
        relu4_3 and relu5_3, with 64, 128, 256, 512 and 512 channels, each
        half as high and wide as the one before.

    Raises:
        FileNotFoundError: If there is no file `weights`.
        ValueError: If the file is of another kind or lacks weights.

    References:
        Simonyan and Zisserman, Very Deep Convolutional Networks for
        Large-Scale Image Recognition, 2014, table 1, D.
    """
    path = None if weights is None else local_weights(weights)
    vgg = keras.applications.VGG16(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )
    if path is not None:
        _load(vgg, path)
    maps = [vgg.get_layer(name).output for name in OUTPUTS]
    inputs = keras.Input((None, None, 3))
    x = layers.Rescaling(
        [1 / s for s in STD], [-m / s for m, s in zip(MEAN, STD)]
    )(inputs)
    return keras.Model(inputs, keras.Model(vgg.input, maps)(x), name=name)


def _load(vgg, path):
    if path.suffix == ".h5":
        vgg.load_weights(path)
        return
    if path.suffix != ".safetensors":
        raise ValueError(
            "Weights of VGG-16 are read from .safetensors, .weights.h5 and .h5 "
            f"files. Received: {path}. Convert a .pth of torchvision by\n"
            "safetensors.torch.save_file(torch.load('vgg16.pth'), "
            "'vgg16.safetensors')"
        )
    convolutions = [x for x in vgg.layers if isinstance(x, layers.Conv2D)]
    with safe_open(path, framework="numpy") as file:
        names = [f"features.{i}" for i in TORCHVISION]
        needed = {f"{n}.{part}" for n in names for part in ("weight", "bias")}
        missing = sorted(needed - set(file.keys()))
        if missing:
            raise ValueError(
                f"{path} is not of torchvision's VGG-16: it lacks "
                f"{', '.join(missing)}."
            )
        for layer, name in zip(convolutions, names, strict=True):
            kernel = file.get_tensor(f"{name}.weight")  # (out, in, h, w)
            bias = file.get_tensor(f"{name}.bias")
            layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
