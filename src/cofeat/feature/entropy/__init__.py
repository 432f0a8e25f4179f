"""What the ``cofeat`` codec is made of; docs/bitstream.md is the norm.

::

    lattice.py     in which order the elements of a plane are coded, and their neighbors
    tables.py      the constants: logarithm, weights, first beliefs
    prediction.py  what neighbors and other channels say of an element
    walk.py        the walk over all elements, which both directions take
    plan.py        what is told before: channels' statistics, filters, references
    analysis.py    the encoder's choices for that
    coder.py       symbols and raw bits, encoding or decoding
    adaptive.py    rows of frequencies that learn
    rans.py        symbols and their frequencies to words and back, many lanes at a time
    rawbits.py     bits that no model would shorten
    fitted.py      tables fitted to a model's features: the file, what is in it
    fitted_plan.py what is told where there are such tables, and what they say of an element
    fitting.py     fits them
    tables_file.py what is around any file of tables
    learned.py     tables of an entropy model that was learned with the network: codec 18
    learned_rows.py, learned_walk.py   its fixed rows, and its walk
    harm.py        what a harmed payload is refused with

    engine.c       the inner loops once more, compiled to engine.wasm
    engine.py      the machine that runs it, where wasmtime is installed
    engine_coder.py, engine_walk.py    coder.py and walk.py with it
    ways.py        numpy or the engine
"""
