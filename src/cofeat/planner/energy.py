"""What a frame takes out of the device's battery: computing, and the radio.

    energy = compute power * time + sum over both ways of bytes * (joules a byte)
             + radio's power while it is at work * time of transfer

The radios' constants are slopes and intercepts of measured power over throughput:

- ``wifi``: J. Huang et al., "A Close Examination of Performance and Power Characteristics of 4G
  LTE Networks", MobiSys 2012, the model of data transfer: 283.17 mW a Mbit/s up, 137.01 down,
  132.86 mW while active. A phone of that time. The paper's own table was not at hand: the values
  are compared with what public programs took from it (JointDNN's users and others, who agree).
- ``lte``, ``5g`` (low band) and ``5g-mmwave``: A. Narayanan et al., "A Variegated Look at 5G in
  the Wild", SIGCOMM 2021; least squares of ours over the measurements that the authors released
  (github.com/SIGCOMM21-5G/artifact, Data-Transfer-Power/MN-Transfer, a Galaxy S20 Ultra on
  Verizon): LTE 76.68 up, 11.54 down; low band 32.17 and 11.54; mmWave 8.88 and 1.73. Each
  is a straight line through power over throughput of one direction, in
  data-processed/MN-Transfer_combined.csv. The intercepts, 2.88, 3.13 and 5.45 W (means of both
  directions), are of the whole phone at work, of which the radio's part cannot be told: they
  overstate it, alike for the three.

The tail, in which a cellular radio stays awake after the last byte, is not counted: a stream of
frames hardly lets it sleep.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path

from cofeat.errors import InvalidInputError
from cofeat.registry import nearest

# Of one or two busy cores of a phone's or a small board's processor; an assumption, not a
# measurement: --compute-w takes yours.
COMPUTE_W = 2.0


@dataclass(frozen=True)
class Radio:
    """What a radio takes.

    Args:
        up_mw_per_mbit_s: more milliwatts for each Mbit/s that is sent.
        down_mw_per_mbit_s: the same for what is received.
        active_w: while a transfer is under way, however fast.

    Raises:
        InvalidInputError: a value cannot be.
    """

    up_mw_per_mbit_s: float
    down_mw_per_mbit_s: float
    active_w: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < math.inf:
                raise InvalidInputError(f"a radio's {name} of {value}: give 0 or more")

    def joules(self, up_bytes: float, down_bytes: float, transfer_ms: float) -> float:
        """Return what a frame's transfer takes; 1 mW for each Mbit/s is 8e-9 J a byte."""
        slopes = self.up_mw_per_mbit_s * up_bytes + self.down_mw_per_mbit_s * down_bytes
        return 8e-9 * slopes + self.active_w * transfer_ms / 1000


RADIOS = {
    "wifi": Radio(283.17, 137.01, 0.13286),
    "lte": Radio(76.68, 11.54, 2.88),
    "5g": Radio(32.17, 11.54, 3.13),
    "5g-mmwave": Radio(8.88, 1.73, 5.45),
}
DEFAULT_RADIO = "wifi"


@dataclass(frozen=True)
class Energy:
    """A device's power.

    Args:
        radio: that carries the bytes.
        compute_w: while it computes, above what it takes idle.

    Raises:
        InvalidInputError: a value cannot be.
    """

    radio: Radio = RADIOS[DEFAULT_RADIO]
    compute_w: float = COMPUTE_W

    def __post_init__(self) -> None:
        if not 0 <= self.compute_w < math.inf:
            raise InvalidInputError(f"a compute power of {self.compute_w} W: give 0 or more")

    def joules(
        self, compute_ms: float, up_bytes: float, down_bytes: float, transfer_ms: float
    ) -> float:
        """Return what a frame takes.

        Args:
            compute_ms: in which the device computes.
            up_bytes: that it sends.
            down_bytes: that it receives.
            transfer_ms: in which its radio is at work.
        """
        return self.compute_w * compute_ms / 1000 + self.radio.joules(
            up_bytes, down_bytes, transfer_ms
        )


def parse_radio(word: str) -> Radio:
    """Return a radio by its name, or as a JSON file describes it.

    Args:
        word: one of ``RADIOS``, or a file of an object with the fields of ``Radio``.

    Raises:
        InvalidInputError: there is none, or the file is no such object.
    """
    if word in RADIOS:
        return RADIOS[word]
    path = Path(word)
    names = [field.name for field in fields(Radio)]
    if not path.is_file():
        raise InvalidInputError(
            f"there is no radio '{word}': use {', '.join(RADIOS)}, or a JSON file of "
            f"{', '.join(names)}." + nearest(word, RADIOS)
        )
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        if sorted(tree) != sorted(names) or any(isinstance(v, bool) for v in tree.values()):
            raise ValueError
        return Radio(**{name: float(value) for name, value in tree.items()})
    except InvalidInputError:
        raise
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        raise InvalidInputError(
            f"'{path}' describes no radio: give a JSON object of the numbers {', '.join(names)}"
        ) from None
