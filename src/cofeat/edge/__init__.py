"""The edge device: pictures in, the tasks' outputs back, whatever the link is like.

::

    frames ─► job: read, encode, compress ─► courier ─► wire ─ ─ ─ server
              (device)                       deadline,   one
                                             back-off    request
                 ▲                              │
                 └── mobile ── fallback ◄───────┤ no answer
                     outbox ◄── queue  ◄────────┘

``client`` puts it together for asyncio, ``blocking`` for programs that wait;
``pipeline`` has each stage work on another frame.
"""

from cofeat.edge.blocking import Edge
from cofeat.edge.client import AsyncEdge
from cofeat.edge.courier import Patience
from cofeat.edge.device import Device, Way
from cofeat.edge.outbox import Outbox
from cofeat.edge.result import Result

__all__ = ["AsyncEdge", "Device", "Edge", "Outbox", "Patience", "Result", "Way"]
