"""What an encoder is, and the file of weights that it starts from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from cofeat.errors import InvalidInputError
from cofeat.image import IMAGENET_MEAN, IMAGENET_STD
from cofeat.registry import nearest


class Encoder(nn.Module):
    """The part of the network that runs on the device.

    A subclass maps a normalized batch (N, 3, H, W), H and W divisible by
    ``stride``, to features (N, channels, H / stride, W / stride), and names in
    ``cuts`` where it can end. Its constructor takes the name of the cut.
    """

    cuts: tuple[str, ...] = ()
    """Names of the places where the encoder can end, the default first."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    """Of the pixels in [0, 1] per channel, as its weights expect them."""
    std: tuple[float, ...] = IMAGENET_STD

    channels: int
    stride: int

    @classmethod
    def imagenet_weights(cls) -> Mapping[str, Tensor]:
        """Return ImageNet weights from an installed package; nothing is downloaded.

        Raises:
            InvalidInputError: there are none for this encoder.
            MissingPackageError: the package that has them is not installed.
        """
        raise InvalidInputError(
            f"there are no ImageNet weights for {cls.__name__}: "
            "use weights=null, or the path of a .safetensors or .pth file"
        )


def check_cut(cut: str | None, cuts: tuple[str, ...], encoder: str) -> str:
    """Return the cut, the default for None.

    Raises:
        InvalidInputError: the encoder has no such cut.
    """
    if cut is None:
        return cuts[0]
    if cut not in cuts:
        raise InvalidInputError(
            f"encoder '{encoder}' has no cut '{cut}': use one of {', '.join(cuts)}."
            + nearest(cut, cuts)
        )
    return cut


def read_weights(path: str | Path) -> Mapping[str, Tensor]:
    """Read a file of weights: .safetensors, or .pth through torch's restricted reader.

    Raises:
        InvalidInputError: there is no such file, or it holds no table of tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidInputError(f"there is no file of weights '{path}'")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the bytes are, the caller named a wrong file
        reason = " ".join(str(error).split())[:200]
        if "weights_only" in reason:  # torch's advice is to run whatever the file holds
            reason = "it is no file of plain tensors, such as torch.save(network.state_dict(), …)"
        raise InvalidInputError(f"'{path}' cannot be read as weights: {reason}") from error
    if not isinstance(weights, Mapping) or not all(
        isinstance(value, Tensor) for value in weights.values()
    ):
        raise InvalidInputError(f"'{path}' does not hold a table of tensors by name")
    return weights


def load_encoder_weights(encoder: Encoder, source: str) -> None:
    """Load weights into an encoder.

    Args:
        encoder: filled in place. Tensors beyond its cut are passed over.
        source: ``"imagenet"``, or the path of a file.

    Raises:
        InvalidInputError: the weights do not fit.
        MissingPackageError: ``"imagenet"`` needs a package that is not installed.
    """
    weights = encoder.imagenet_weights() if source == "imagenet" else read_weights(source)
    own = encoder.state_dict()
    # Files of before torch 0.4 have no such counters, and nothing reads them.
    missing = [key for key in own if key not in weights and not key.endswith("num_batches_tracked")]
    if missing:
        raise InvalidInputError(
            f"weights '{source}' do not fit: {len(missing)} of {len(own)} tensors are missing, "
            f"first '{missing[0]}'"
        )
    for key, value in own.items():
        if key in weights and weights[key].shape != value.shape:
            raise InvalidInputError(
                f"weights '{source}' do not fit: '{key}' has shape {tuple(weights[key].shape)}, "
                f"needed is {tuple(value.shape)}"
            )
    encoder.load_state_dict({key: weights.get(key, value) for key, value in own.items()})
