"""The cloud's half as a server.

The way of a request, with what runs it::

    HTTP (http, plain) ─┐                                                  event loop
    gRPC (grpc) ────────┴► InferRequest                                        │
                               │ repository: which model                       │
                               │ decoding: bitstream or picture to array   a pool
                               ▼                                               │
                           batching: requests of one shape together        event loop
                               │ the model's heads, or the whole network   its thread
                               ▼                                               │
                           outputs: cropped, as tensors or pictures        a pool
                               │                                               │
    answer ◄───────────────────┘                                           event loop

``service`` puts the stages together; HTTP and gRPC are thin layers over it, and
``server`` is the process around them.
"""
