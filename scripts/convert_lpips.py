"""Convert the published LPIPS weights to one safetensors file.

    python scripts/convert_lpips.py vgg16-397923af.pth vgg.pth

The first file is torchvision's VGG-16, the second weights/v0.1/vgg.pth of
https://github.com/richzhang/PerceptualSimilarity. `keras_vq` looks for the
result in its default place, or where KERAS_VQ_LPIPS says. Requires PyTorch.
"""

import pathlib
from typing import Annotated

import torch
import typer
from safetensors.torch import save_file

from keras_vq.losses import PerceptualLoss

DEFAULT = pathlib.Path("~/.keras/keras_vq/lpips_vgg16.safetensors")


def convert(
    vgg: Annotated[pathlib.Path, typer.Argument(help="VGG-16, a .pth file")],
    lpips: Annotated[pathlib.Path, typer.Argument(help="LPIPS, a .pth file")],
    out: Annotated[
        pathlib.Path, typer.Argument(help="file to write")
    ] = DEFAULT,
):
    """Merge the convolutions of VGG and the channel weights of LPIPS."""
    tensors = {
        name: tensor.float().contiguous()
        for path, prefix in ((vgg, "features."), (lpips, "lin"))
        for name, tensor in torch.load(
            path, map_location="cpu", weights_only=True
        ).items()
        if name.startswith(prefix)
    }
    out = out.expanduser()
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out)
    PerceptualLoss(weights_file=out)  # fails if a weight is missing
    print(f"wrote {len(tensors)} tensors to {out}")


if __name__ == "__main__":
    typer.run(convert)
