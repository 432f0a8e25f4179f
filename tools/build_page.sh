#!/bin/sh
# Copies the built files of onnxruntime-web that the page loads into src/cofeat/web/page/ort, which
# is kept in the repository: nobody who installs or serves cofeat needs Node. Needs npm (Debian:
# apt-get install npm); tools/page/package-lock.json pins version and hash.
#
# Two builds: the one for WebAssembly alone, and the one that has WebGPU too and is loaded only
# where a browser offers it. The modules are kept gzipped, as they are sent.
set -eu
cd "$(dirname "$0")/page"
npm ci --ignore-scripts --no-audit --no-fund --silent
built=node_modules/onnxruntime-web
out=../../src/cofeat/web/page/ort
rm -rf "$out"
mkdir -p "$out"
for name in ort.wasm.min.mjs ort-wasm-simd-threaded.mjs \
    ort.jspi.min.mjs ort-wasm-simd-threaded.jspi.mjs; do
    # Without the line that asks for a source map, which is not shipped.
    sed '/^\/\/# sourceMappingURL=/d' "$built/dist/$name" >"$out/$name"
done
for name in ort-wasm-simd-threaded.wasm ort-wasm-simd-threaded.jspi.wasm; do
    gzip -9 -n -c "$built/dist/$name" >"$out/$name.gz"
done
sed -n 's/^ *"version": /onnxruntime-web /p' "$built/package.json" | tr -d ',"' >"$out/VERSION"
rm -rf node_modules
du -b "$out"/*
