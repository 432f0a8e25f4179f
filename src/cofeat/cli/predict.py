"""`cofeat predict`: bitstreams to the tasks' outputs, through the cloud's half of a model."""

from __future__ import annotations

import argparse
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cofeat.cli.models import HELP as MODEL_HELP
from cofeat.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

    from cofeat.cli.models import RunnableModel
    from cofeat.feature.bitstream import Bitstream

HELP = "turn bitstreams into each task's output, as pictures and as arrays"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `cofeat predict` takes."""
    parser.add_argument("streams", nargs="+", metavar="FILE", help="a bitstream, or - for one")
    parser.add_argument("-m", "--model", required=True, help=MODEL_HELP)
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="DIR", help="folder of the outputs"
    )
    parser.add_argument(
        "--any-model", action="store_true", help="take streams that were made for another model"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run `cofeat predict`."""
    from cofeat.cli.each import check_distinct, for_each, stem
    from cofeat.cli.models import open_model
    from cofeat.cli.streams import read_stream
    from cofeat.feature.pipeline import decompress

    check_distinct(arguments.streams, [str(arguments.out / stem(s)) for s in arguments.streams])
    model = open_model(arguments.model)
    rows: list[dict[str, Any]] = []

    def work(name: str) -> None:
        result = decompress(read_stream(name), tables=model.fitted)
        if not arguments.any_model:
            _check_model(result.stream, model, arguments.model)
        predictions = model.predict(result.features, _picture_size(result.stream, model))
        arguments.out.mkdir(parents=True, exist_ok=True)
        written = {
            task: _write(arguments.out, stem(name), task, prediction)
            for task, prediction in predictions.items()
        }
        rows.append({"bitstream": name, "outputs": written})
        if not arguments.json:
            print(f"{name} -> {arguments.out / stem(name)}_*: {', '.join(written)}")

    status = for_each(arguments.streams, work)
    if arguments.json:
        print(json.dumps(rows, indent=1))
    return status


def _check_model(stream: Bitstream, model: RunnableModel, name: str) -> None:
    """Refuse a stream that says it is another model's; one that does not say is taken.

    Raises:
        InvalidInputError: it is.
    """
    from cofeat.feature.bitstream import NO_MODEL

    if stream.model_id not in (NO_MODEL, model.model_id):
        raise InvalidInputError(
            f"the stream is for model {stream.model_id.hex()}, and '{name}' is "
            f"{model.model_id.hex()}: give the stream's own model, or --any-model"
        )


def _picture_size(stream: Bitstream, model: RunnableModel) -> tuple[int, int]:
    """Return (height, width) of the outputs.

    Raises:
        InvalidInputError: the features are not of the model's shape for a picture of that size.
    """
    _, height, width = stream.shape
    size = stream.image_size or (height * model.stride, width * model.stride)
    expected = model.feature_shape(size)
    if stream.shape != expected:
        raise InvalidInputError(
            f"the stream holds {_sizes(stream.shape)} features, and the model's for a picture of "
            f"{size[1]}x{size[0]} are {_sizes(expected)}: give the stream's own model"
        )
    return size


def _sizes(shape: tuple[int, int, int]) -> str:
    return " x ".join(map(str, shape))


def _write(folder: Path, name: str, task: str, prediction: np.ndarray) -> dict[str, str]:
    """Write one prediction and return what is where.

    ``picture`` as the task draws it, ``array`` as the task measures it, and for segmentation
    ``label_ids``, the ids of Cityscapes' files.

    Raises:
        InvalidInputError: the prediction is not finite.
    """
    import numpy as np
    from PIL import Image

    from cofeat.cli.each import write_bytes
    from cofeat.tasks import load_task
    from cofeat.tasks.segmentation import label_ids

    if not np.isfinite(prediction).all():
        raise InvalidInputError(
            f"the model's {task} is not finite: the stream's features are far from the model's"
        )
    array = io.BytesIO()
    np.save(array, prediction)
    files = {
        "picture": (".png", _png(Image.fromarray(load_task(task).draw(prediction)))),
        "array": (".npy", array.getvalue()),
    }
    if task == "segmentation":
        ids = label_ids(prediction.astype(np.uint8))
        files["label_ids"] = ("_labelIds.png", _png(Image.fromarray(ids)))
    written = {}
    for what, (ending, data) in files.items():
        written[what] = str(folder / f"{name}_{task}{ending}")
        write_bytes(written[what], data)
    return written


def _png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
