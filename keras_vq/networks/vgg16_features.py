import keras
from safetensors import safe_open

from keras_vq.networks.local_weights import local_weights

# The last convolution of each block, including its ReLU.
OUTPUTS = (
    "block1_conv2",
    "block2_conv2",
    "block3_conv3",
    "block4_conv3",
    "block5_conv3",
)
# Indices of the convolutions in torchvision's `features`.
TORCHVISION = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
# Mean and standard deviation of ImageNet's pixels.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def vgg16_features(weights=None, name="vgg16_features"):
    """VGG-16 of `keras.applications`, with the feature maps that LPIPS uses.

    Args:
        weights: str or Path, a weights file or its URL. Either a `.safetensors`
            file with torchvision's names (`features.0.weight` ...; others are
            ignored), or a `.weights.h5` or `.h5` file of
            `keras.applications.VGG16(include_top=False)`, trained on inputs
            normalized as in torchvision (those of `keras.applications` were
            not). Defaults to None, random weights.
        name: Name of the model.

    Returns:
        `keras.Model` from images `(batch, height, width, 3)` in [0, 1], of at
        least 16 x 16 pixels, to a list of feature maps: relu1_2, relu2_2,
        relu3_3, relu4_3 and relu5_3, with 64, 128, 256, 512 and 512 channels,
        each half as high and wide as the previous one.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file has another format or lacks weights.

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
    maps = [vgg.get_layer(layer).output for layer in OUTPUTS]
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(
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
            f"files. Received: {path}. Convert a .pth file of torchvision by\n"
            "safetensors.torch.save_file(torch.load('vgg16.pth'), "
            "'vgg16.safetensors')"
        )
    convolutions = [x for x in vgg.layers if isinstance(x, keras.layers.Conv2D)]
    with safe_open(path, framework="numpy") as file:
        names = [f"features.{i}" for i in TORCHVISION]
        needed = {f"{n}.{part}" for n in names for part in ("weight", "bias")}
        missing = sorted(needed - set(file.keys()))
        if missing:
            raise ValueError(
                f"{path} does not contain torchvision's VGG-16: it lacks "
                f"{', '.join(missing)}."
            )
        for layer, name in zip(convolutions, names, strict=True):
            kernel = file.get_tensor(f"{name}.weight")  # (out, in, h, w)
            bias = file.get_tensor(f"{name}.bias")
            layer.set_weights([kernel.transpose(2, 3, 1, 0), bias])
