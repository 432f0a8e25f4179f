#!/bin/sh
# Copies the built files of onnxruntime-web and pako that the page loads into src/cofeat/web/page/ort
# and pako, which are kept in the repository: nobody who installs or serves cofeat needs Node. Needs
# npm (Debian: apt-get install npm); tools/page/package-lock.json pins versions and hashes.
#
# Two builds of onnxruntime-web: the one for WebAssembly alone, and the one that has WebGPU too and is
# loaded only where a browser offers it. The modules are kept gzipped, as they are sent.
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
# The half of pako that deflates.
built=node_modules/pako
pako=../../src/cofeat/web/page/pako
rm -rf "$pako"
mkdir -p "$pako"
sed '/^\/\/# sourceMappingURL=/d' "$built/dist/browser/pako_deflate.esm.min.mjs" \
    >"$pako/pako_deflate.esm.min.mjs"
cp "$built/LICENSE" "$pako/LICENSE.txt"
sed -n 's/^ *"version": /pako /p' "$built/package.json" | tr -d ',"' >"$pako/VERSION"
rm -rf node_modules
du -b "$out"/* "$pako"/*
