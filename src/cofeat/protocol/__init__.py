"""The Open Inference Protocol (v2) as plain functions on bytes: no sockets, no threads.

::

    InferRequest  ── encode_request ──►  bytes ── decode_request ──►  InferRequest
    InferResponse ◄─ decode_response ──  bytes ◄─ encode_response ──  InferResponse

``messages`` says what a message is, ``tensors`` how a tensor becomes bytes, ``http``
how a message does. The device's client and the cloud share them.

Source: the Open Inference Protocol of the KServe project (HTTP/REST), with
Triton's extension for binary tensors.
"""
