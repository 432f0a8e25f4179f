"""The browser as the device: a page, its modules, and what they need of the library.

``page/`` holds what a browser loads as it is: HTML, CSS, modules without a bundler, street scenes,
and in ``page/ort`` and ``page/pako`` the built files of onnxruntime-web and of pako, which
tools/build_page.sh copies::

    camera, file, example ─ source.js ─► picture
                                           │  worker.js, a thread of its own
                            inference.js   ▼
                                        features ─ quantizer.js ─► integers
                                                                     │ cofeat.js, engine.wasm
                                        bitstream.js                 ▼
    server ◄─ network.js ──────────────────────────────────────── bitstream
       └────► outputs ─ draw.js, chart.js ─► what one sees

``assets`` is the table of them; the cloud serves it.
"""
