"""Pictures as the cloud gets them where pictures are sent: coded and decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cofeat.data.base import Dataset, Sample
from cofeat.pictures import decode_picture, encode_picture

# In place of a format: the picture as it is.
UNCODED = "none"


class CodedPictures:
    """A data set whose images were coded and decoded, each by one of several codings in turn.

    Its truths are those of the data set.

    Args:
        dataset: of whole pictures.
        codings: such as ``"avif:40"``, or ``UNCODED``.
    """

    def __init__(self, dataset: Dataset, codings: Sequence[str]) -> None:
        self._dataset = dataset
        self._codings = tuple(codings)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the samples, in order."""
        return self._dataset.names

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of every image in pixels."""
        return self._dataset.size

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Sample:
        sample = self._dataset[index]
        coding = self._codings[index % len(self._codings)]
        if coding == UNCODED:
            # A copy, so that here too image and reconstruction's truth are told apart.
            return replace(sample, image=sample.image.copy())
        return replace(sample, image=decode_picture(encode_picture(sample.image, coding)))
