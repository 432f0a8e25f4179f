"""What becomes of a frame, and how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from cofeat.image import UInt8Array

AnyArray = npt.NDArray[Any]

# Where the network runs: all of it here, all of it there, or cut in two.
Mode = Literal["mobile", "cloud", "split"]
MODES: tuple[Mode, ...] = get_args(Mode)
# ``queued`` frames wait on disk for the link; ``lost`` ones have no result and never will.
Outcome = Literal["mobile", "cloud", "split", "queued", "lost"]
# A frame's way in order; ``encode`` is what this machine's network takes, cut or whole.
STAGES = ("read", "encode", "compress", "send", "cloud", "receive")


@dataclass(frozen=True, eq=False)
class Result:
    """What became of a frame.

    Args:
        name: of the frame.
        mode: how the outputs were made, or why there are none.
        outputs: task -> prediction: train ids uint8 (H, W), disparity float32 (H, W) in pixels,
            reconstruction uint8 (H, W, 3); empty where the frame is queued or lost.
        reason: why it was made otherwise than it was to be; empty where it was not.
        payload_bytes: of the bitstream or of the picture's file; 0 where nothing was made to send.
        codec: of the payload, with its setting, such as ``"png"`` or ``"jpeg:85"``.
        bytes_sent: of all requests' bodies, those that failed too.
        bytes_received: of the answer's body.
        attempts: requests that were begun.
        stages_ms: stage -> milliseconds, see ``STAGES``.
        late: whether it waited in the queue.
        image: uint8 (H, W, 3); None where it is no longer at hand.
    """

    name: str
    mode: Outcome
    outputs: Mapping[str, AnyArray] = field(default_factory=dict)
    reason: str = ""
    payload_bytes: int = 0
    codec: str = ""
    bytes_sent: int = 0
    bytes_received: int = 0
    attempts: int = 0
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    late: bool = False
    image: UInt8Array | None = None

    @property
    def total_ms(self) -> float:
        """The sum of all stages in milliseconds; waiting between them is not counted."""
        return float(np.sum(list(self.stages_ms.values())))

    def summary(self) -> dict[str, Any]:
        """Return all but the arrays, as JSON can hold it."""
        return {
            "name": self.name,
            "mode": self.mode,
            "late": self.late,
            "reason": self.reason,
            "codec": self.codec,
            "payload_bytes": self.payload_bytes,
            "bytes_sent": self.bytes_sent,
            "bytes_received": self.bytes_received,
            "attempts": self.attempts,
            "stages_ms": {stage: round(ms, 3) for stage, ms in self.stages_ms.items()},
            "tasks": list(self.outputs),
        }
