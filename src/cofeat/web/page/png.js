// The codec `png` (id 1): the mosaic as a grey PNG. The pixels are the library's to the bit; the
// bytes are not, since the deflate is the browser's own (docs/page.md).

import { crc32 } from "./bitstream.js";
import { tile } from "./mosaic.js";

export const PNG_ID = 1;
// What the setting says: zlib's level, of which browsers tell nothing; 6 is its default.
export const PNG_SETTING = 6;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Write integers of so many bits as the payload of a stream. */
export async function encodePng(values, shape, bits) {
  const { pixels, width, height } = tile(values, shape);
  const depth = [1, 2, 4, 8, 16].find((each) => each >= bits);
  // The browser's deflate has no strategy for filtered rows, so that the plain ones may be smaller.
  const ways = depth < 8
    ? [packed(pixels, width, height, depth)]
    : [filtered(pixels, width, height, 1), filtered(pixels, width, height, 5)];
  const data = await Promise.all(ways.map(deflated));
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header[8] = depth;
  const parts = [
    Uint8Array.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", data.reduce((least, each) => (each.length < least.length ? each : least))),
    chunk("IEND", new Uint8Array(0)),
  ];
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
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

/**
 * Rows of bytes, each by that of the first so many filters whose residuals are smallest, as PNG's
 * authors advise; the first one leaves them as they are.
 */
function filtered(pixels, width, height, filters) {
  const deep = pixels instanceof Uint16Array;
  const step = deep ? 2 : 1;
  const line = width * step;
  const bytes = deep ? Uint8Array.from({ length: 2 * pixels.length }, (_, k) =>
    k & 1 ? pixels[k >> 1] & 0xff : pixels[k >> 1] >> 8) : pixels;
  const rows = new Uint8Array((1 + line) * height);
  const candidates = Array.from({ length: filters }, () => new Uint8Array(line));
  let above = new Uint8Array(line);
  for (let y = 0; y < height; y++) {
    const row = bytes.subarray(y * line, (y + 1) * line);
    const sums = candidates.map(() => 0);
    for (let k = 0; k < line; k++) {
      const left = k < step ? 0 : row[k - step];
      const corner = k < step ? 0 : above[k - step];
      const guesses = [0, left, above[k], (left + above[k]) >> 1, paeth(left, above[k], corner)];
      for (let filter = 0; filter < filters; filter++) {
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
