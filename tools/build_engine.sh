#!/bin/sh
# Compiles src/cofeat/feature/entropy/engine.c to engine.wasm, which is kept in the repository:
# nobody who installs cofeat needs a compiler. Needs clang and lld (Debian: apt-get install clang
# lld). A custom section tells of which source the module was made; a test compares.
set -eu
cd "$(dirname "$0")/../src/cofeat/feature/entropy"
clang --target=wasm32 -std=c11 -O2 -mbulk-memory -Wall -Wextra -Werror -nostdlib \
    -Wl,--no-entry -Wl,--strip-debug -Wl,--export=job -Wl,--export=model -Wl,--export=__heap_base \
    -o engine.wasm engine.c
python3 - <<'END'
import hashlib
from pathlib import Path

name = b"source-sha256"
digest = hashlib.sha256(Path("engine.c").read_bytes()).digest()
body = bytes([len(name)]) + name + digest
with Path("engine.wasm").open("ab") as module:
    module.write(bytes([0, len(body)]) + body)
END
ls -l engine.wasm
