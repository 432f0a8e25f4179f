// Channels to one grey image; docs/bitstream.md, "The mosaic".

import { bitLength } from "./numbers.js";

/** Rows and columns of the tiles of so many channels. */
export function grid(channels) {
  const cols = 1 << ((bitLength(channels - 1) + 1) >> 1);
  return { rows: Math.ceil(channels / cols), cols };
}

/**
 * Lay channels out as one image.
 *
 * @param {Uint8Array|Uint16Array} values C x H x W.
 * @param {number[]} shape [C, H, W].
 * @returns {{pixels: Uint8Array|Uint16Array, width: number, height: number}} tiles left over are 0.
 */
export function tile(values, [channels, height, width]) {
  const { rows, cols } = grid(channels);
  const line = cols * width;
  const pixels = new values.constructor(rows * height * line);
  for (let channel = 0; channel < channels; channel++) {
    const left = (channel % cols) * width;
    const above = Math.floor(channel / cols) * height;
    for (let y = 0; y < height; y++) {
      const from = (channel * height + y) * width;
      pixels.set(values.subarray(from, from + width), (above + y) * line + left);
    }
  }
  return { pixels, width: line, height: rows * height };
}
