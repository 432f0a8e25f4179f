// Interleaved range asymmetric numeral systems and raw bits, for codecs without the engine; rans.py,
// rawbits.py and coder.py say the same in Python.

import { bitLength } from "./numbers.js";

export const FREQUENCY_TOTAL = 1 << 12;
const LOWEST_STATE = 1 << 16;
// A lane takes at most what leaves it below 2^32.
const FULL_SHIFT = 20;
// Symbols that a lane still has to code when it retires.
const TAIL_BITS = 4;
const MOST_LANES = 1 << 10;
const FIELD_BITS = 4;

/** The largest power of two up to a number, or 1. */
function powerOfTwo(number) {
  return 1 << (bitLength(Math.max(number, 1)) - 1);
}

/** Takes symbols block by block, and raw fields, and codes them at the end; one lane runs to it. */
export class RansEncoder {
  /** @param {number} lanes about how many. */
  constructor(lanes) {
    this.most = this.lanes = Math.min(powerOfTwo(lanes), MOST_LANES);
    this.starts = [];
    this.frequencies = [];
    this.steps = [];
    this.raw = new BitWriter();
  }

  /**
   * Code a block of symbols.
   *
   * @param {ArrayLike<number>} starts first slots of FREQUENCY_TOTAL.
   * @param {ArrayLike<number>} frequencies numbers of slots.
   * @param {number} after elements of the tensor that no block up to this one codes.
   */
  put(starts, frequencies, after) {
    const stop = this.starts.length + starts.length;
    for (let k = 0; k < starts.length; k++) {
      this.starts.push(starts[k]);
      this.frequencies.push(frequencies[k]);
    }
    for (let first = stop - starts.length; first < stop; first += this.lanes) {
      const left = stop - first + after;
      if (left < this.lanes << TAIL_BITS)
        this.lanes = Math.min(this.lanes, powerOfTwo(left >> TAIL_BITS));
      this.steps.push({ first, size: Math.min(this.lanes, stop - first), lanes: this.lanes });
    }
  }

  /** Return the payload: words, then raw bits backwards, of which the states come first. */
  finish() {
    const states = new Uint32Array(this.most).fill(LOWEST_STATE);
    // The last one is what a decoder reads first; a lane that it retires there gives one back.
    const words = [];
    let running = this.lanes;
    const begin = (lanes) => {
      for (; running < lanes; running++) states[running] += words.pop() ?? 0;
    };
    for (const { first, size, lanes } of this.steps.reverse()) {
      begin(lanes);
      for (let lane = size - 1; lane >= 0; lane--) {
        const frequency = this.frequencies[first + lane];
        let x = states[lane];
        if (x >>> FULL_SHIFT >= frequency) {
          words.push(x & 0xffff);
          x >>>= 16;
        }
        const quotient = Math.floor(x / frequency);
        states[lane] = x + quotient * (FREQUENCY_TOTAL - frequency) + this.starts[first + lane];
      }
    }
    begin(this.most);
    const head = headOf(states);
    head.append(this.raw);
    const bits = head.finish().reverse();
    const payload = new Uint8Array(2 * words.length + bits.length);
    words.reverse().forEach((word, k) => payload.set([word & 0xff, word >> 8], 2 * k));
    payload.set(bits, 2 * words.length);
    return payload;
  }
}

/** How many lanes there are, and their states, as they are told. */
function headOf(states) {
  const head = new BitWriter();
  const exponents = Array.from(states, (state) => bitLength(state) - 17);
  const high = exponents.map((exponent, lane) => (states[lane] >>> 16) - (1 << exponent));
  head.put(bitLength(states.length) - 1, FIELD_BITS);
  for (const exponent of exponents) head.put(exponent, FIELD_BITS);
  for (const state of states) head.put(state & 0xff, 8);
  for (const state of states) head.put((state >>> 8) & 0xff, 8);
  exponents.forEach((exponent, lane) => head.put(high[lane] & 0xff, Math.min(exponent, 8)));
  exponents.forEach((exponent, lane) => head.put(high[lane] >> 8, Math.max(exponent - 8, 0)));
  return head;
}

/** Collects fields of 0 to 8 bits, low bits first. */
class BitWriter {
  constructor() {
    this.values = [];
    this.widths = [];
  }

  /** Add a field, below 2^width. */
  put(value, width) {
    this.values.push(value);
    this.widths.push(width);
  }

  /** Add all fields of another. */
  append({ values, widths }) {
    values.forEach((value, k) => this.put(value, widths[k]));
  }

  /** Return the bytes; the bits left over in the last one are 0. */
  finish() {
    const total = this.widths.reduce((sum, width) => sum + width, 0);
    const bytes = new Uint8Array((total + 7) >> 3);
    let at = 0;
    this.values.forEach((value, k) => {
      const shifted = value << (at & 7);
      bytes[at >> 3] |= shifted;
      // Behind the last byte there is nothing to set, and nothing is.
      bytes[(at >> 3) + 1] |= shifted >> 8;
      at += this.widths[k];
    });
    return bytes;
  }
}
