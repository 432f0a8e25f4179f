// The codec `png` (id 1): the mosaic as a grey PNG, the library's bytes. The deflate is pako's, which
// is zlib's own; browsers' own tells nothing of its parameters.

import { crc32 } from "./bitstream.js";
import { tile } from "./mosaic.js";
import { deflate } from "./pako/pako_deflate.esm.min.mjs";

export const PNG_ID = 1;
/** zlib's level, the smallest files. */
export const PNG_SETTING = 9;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
// zlib's own way of finding matches, whose bytes are the same everywhere, with all of its memory.
const ZLIB = { memLevel: 9, legacyHash: true };
const FILTERS = 5;
const STRATEGY_DEFAULT = 0;
const STRATEGY_FILTERED = 1;

/** Write integers of so many bits as the payload of a stream. */
export function encodePng(values, shape, bits, level) {
  const { pixels, width, height } = tile(values, shape);
  const depth = [1, 2, 4, 8, 16].find((each) => each >= bits);
  const rows = depth < 8 ? packed(pixels, width, height, depth) : filtered(pixels, width, height);
  const strategy = depth < 8 ? STRATEGY_DEFAULT : STRATEGY_FILTERED;
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = depth;
  return joined([
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", deflate(rows, { level, strategy, ...ZLIB })),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function chunk(kind, data) {
  const bytes = new Uint8Array(12 + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  for (let k = 0; k < 4; k++) bytes[4 + k] = kind.charCodeAt(k);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

/** Rows of 1, 2 or 4 bits a pixel, unfiltered: their bytes are no numbers. */
function packed(pixels, width, height, depth) {
  const line = 1 + Math.ceil((width * depth) / 8);
  const rows = new Uint8Array(line * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const bit = x * depth;
      rows[y * line + 1 + (bit >> 3)] |= pixels[y * width + x] << (8 - depth - (bit & 7));
    }
  return rows;
}

/** Rows of bytes, each by the filter whose residuals are smallest, as PNG's authors advise. */
function filtered(pixels, width, height) {
  const deep = pixels instanceof Uint16Array;
  const step = deep ? 2 : 1;
  const line = width * step;
  const bytes = deep ? Uint8Array.from({ length: 2 * pixels.length }, (_, k) =>
    k & 1 ? pixels[k >> 1] & 0xff : pixels[k >> 1] >> 8) : pixels;
  const rows = new Uint8Array((1 + line) * height);
  const candidates = Array.from({ length: FILTERS }, () => new Uint8Array(line));
  let above = new Uint8Array(line);
  for (let y = 0; y < height; y++) {
    const row = bytes.subarray(y * line, (y + 1) * line);
    const sums = candidates.map(() => 0);
    for (let k = 0; k < line; k++) {
      const left = k < step ? 0 : row[k - step];
      const corner = k < step ? 0 : above[k - step];
      const guesses = [0, left, above[k], (left + above[k]) >> 1, paeth(left, above[k], corner)];
      for (let filter = 0; filter < FILTERS; filter++) {
        const residual = (row[k] - guesses[filter]) & 0xff;
        candidates[filter][k] = residual;
        sums[filter] += residual < 128 ? residual : 256 - residual;
      }
    }
    const best = sums.indexOf(Math.min(...sums));
    rows[y * (1 + line)] = best;
    rows.set(candidates[best], y * (1 + line) + 1);
    above = row;
  }
  return rows;
}

function paeth(left, above, corner) {
  const estimate = left + above - corner;
  const [a, b, c] = [left, above, corner].map((each) => Math.abs(estimate - each));
  return a <= b && a <= c ? left : b <= c ? above : corner;
}
