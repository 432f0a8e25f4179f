// Features to n-bit integers over their own range, or over that of a fixed step; quantizer.py, and
// docs/bitstream.md, "From integers to features".
// Every operation is rounded to binary32 where the library's is, so that the integers are the same.

import { clip, rint } from "./numbers.js";

const MAX_MAGNITUDE = 2 ** 126;

/**
 * Quantize features.
 *
 * @param {Float32Array} features C x H x W of them, finite.
 * @param {number} channels C.
 * @param {number} bits n, 1 to 16.
 * @param {boolean} perChannel one range a channel instead of one for the tensor.
 * @param {?number} step a fixed distance of two levels around zero, instead of the own range.
 * @returns {{values: Uint8Array|Uint16Array, minimum: Float32Array, maximum: Float32Array,
 *   bits: number}}
 */
export function quantize(features, channels, bits = 8, perChannel = false, step = null) {
  if (!(bits >= 1 && bits <= 16)) throw new RangeError(`${bits} bits: use 1 to 16`);
  const ranges = perChannel && !step ? channels : 1;
  const size = features.length / ranges;
  const top = 2 ** bits - 1;
  const values = bits <= 8 ? new Uint8Array(features.length) : new Uint16Array(features.length);
  const minimum = new Float32Array(ranges);
  const maximum = new Float32Array(ranges);
  for (let range = 0; range < ranges; range++) {
    const part = features.subarray(range * size, (range + 1) * size);
    let low = Infinity;
    let high = -Infinity;
    for (const feature of part) {
      if (!Number.isFinite(feature)) throw new RangeError("features are NaN or infinite");
      if (feature < low) low = feature;
      if (feature > high) high = feature;
    }
    if (step) {
      // Level 2^(n-1) stands for zero; what lies beyond the range is clipped.
      low = Math.fround(-step * 2 ** (bits - 1));
      high = Math.fround(-step * 2 ** (bits - 1) + step * top);
    }
    if (low < -MAX_MAGNITUDE || high > MAX_MAGNITUDE) throw new RangeError("features are too large");
    minimum[range] = low + 0; // one zero, whichever of the two was met first
    maximum[range] = high + 0;
    const divisor = Math.fround((high - low) / top) || 1;
    const out = values.subarray(range * size, (range + 1) * size);
    for (let k = 0; k < size; k++)
      out[k] = clip(rint(Math.fround(Math.fround(part[k] - low) / divisor)), 0, top);
  }
  return { values, minimum, maximum, bits };
}

/** Turn integers back into features: Float32Array, the inverse up to half a step. */
export function dequantize({ values, minimum, maximum, bits }) {
  const size = values.length / minimum.length;
  const features = new Float32Array(values.length);
  for (let range = 0; range < minimum.length; range++) {
    const low = minimum[range];
    const step = Math.fround((maximum[range] - low) / (2 ** bits - 1));
    for (let k = range * size; k < (range + 1) * size; k++)
      features[k] = Math.fround(values[k] * step) + low;
  }
  return features;
}
