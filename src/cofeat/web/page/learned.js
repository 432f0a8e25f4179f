// The codec `cofeat-learned` (id 18): the library's bytes to the bit, where a model has such tables.
// codecs/cofeat_learned.py, learned_walk.py and learned_rows.py say the same in Python.
// Sums of products exceed 32 bits, and are whole numbers that doubles hold: floors, no shifts.

import { clip, rint } from "./numbers.js";
import { FREQUENCY_TOTAL, RansEncoder } from "./rans.js";

export const COFEAT_LEARNED_ID = 18;
const AROUND = 9;
const ABOVE = 3;
const MEAN_UNIT = 2 ** 10;
const SCALE_UNIT = 2 ** 14;
const LOG_UNIT_BITS = 8;
const SYMBOLS = 32;
const MIDDLE = 16;
const FRACTIONS = 16;
const ONE_LEVEL = 16;
const OFFSET = 1 << 15;
const SHIFT_BITS = 8;
const SHIFT_ZERO = 128;

/** Read what a file of tables holds; see tables.js. */
export function readLearned(head, take) {
  const groups = head[5];
  const channels = head[6] | (head[7] << 8);
  const bounds = Array.from({ length: groups + 1 }, (_, k) => Math.floor((channels * k) / groups));
  const weights = () => bounds.slice(1).map((stop, k) =>
    take(Int16Array, (stop - bounds[k]) * (AROUND * bounds[k] + ABOVE * (stop - bounds[k]))));
  const biases = [take(Int32Array, channels), take(Int32Array, channels)];
  return { learned: true, channels, bounds, biases, weights: [weights(), weights()] };
}

/** The levels of integers at a setting: Int32Array, 0 for the middle of the range. */
export function levelsOf(constants, values, bits, setting) {
  const middle = 2 ** (bits - 1);
  const step = constants.learned_steps[setting];
  return Int32Array.from(values, (value) => rint((16 * (value - middle)) / step));
}

/**
 * Code levels.
 *
 * @param {object} constants the library's.
 * @param {Int32Array} levels C x H x W, of levelsOf.
 * @param {number[]} shape [C, H, W].
 * @param {number} setting of the codec.
 * @param {object} tables of the model.
 * @returns {Uint8Array} the payload.
 */
export function encodeLearned(constants, levels, [channels, ...size], setting, tables) {
  if (channels !== tables.channels)
    throw new RangeError(`the tables are of ${tables.channels} channels, not of ${channels}`);
  const coder = new RansEncoder(lanesFor(levels));
  coder.raw.put(setting + SHIFT_ZERO, SHIFT_BITS);
  new Walk(constants, coder, tables, size, setting, levels).run();
  return coder.finish();
}

/** More lanes are faster, and take half a byte each: by the bits that are likely. */
function lanesFor(levels) {
  const others = levels.reduce((count, level) => count + (level ? 1 : 0), 0);
  return Math.min(levels.length, (levels.length >> 2) + 3 * others) >> 8;
}

/** Group after group, row after row within a group, all channels of a row at once. */
class Walk {
  constructor(constants, coder, tables, [height, width], setting, levels) {
    Object.assign(this, { coder, tables, height, width, setting, levels });
    this.step = constants.learned_steps[setting];
    this.rows = rowsOf(constants);
    this.left = levels.length;
    // Values and magnitudes with a border of zeros.
    this.line = width + 2;
    this.plane = this.line * (height + 2);
    this.around = [0, 1].map(() => new Float64Array(tables.channels * this.plane));
  }

  run() {
    const { bounds } = this.tables;
    for (let group = 1; group < bounds.length; group++)
      this.group(group - 1, bounds[group - 1], bounds[group]);
  }

  group(group, first, stop) {
    const [mean, scale] = [0, 1].map((kind) => this.ofEarlier(kind, group, first, stop));
    for (let y = 0; y < this.height; y++) {
      this.addAbove(0, group, first, stop, y, mean);
      this.addAbove(1, group, first, stop, y, scale);
      this.row(mean, scale, first, stop, y);
    }
  }

  /** The biases, and earlier groups' channels weighed, 3x3 around each place of the group's. */
  ofEarlier(kind, group, first, stop) {
    const { height, width, line, plane } = this;
    const around = this.around[kind];
    const weights = this.tables.weights[kind][group];
    const taps = AROUND * first + ABOVE * (stop - first);
    const said = new Float64Array((stop - first) * height * width);
    for (let channel = first; channel < stop; channel++) {
      const out = (channel - first) * height * width;
      said.fill(this.tables.biases[kind][channel], out, out + height * width);
      for (let tap = 0; tap < AROUND; tap++) {
        const offset = Math.floor(tap / 3) * line + (tap % 3);
        for (let earlier = 0; earlier < first; earlier++) {
          const weight = weights[(channel - first) * taps + tap * first + earlier];
          for (let y = 0; weight && y < height; y++) {
            const from = earlier * plane + offset + y * line;
            for (let x = 0; x < width; x++) said[out + y * width + x] += weight * around[from + x];
          }
        }
      }
    }
    return said;
  }

  /** Add what the group's own channels say in the row above. */
  addAbove(kind, group, first, stop, y, said) {
    const { height, width, line, plane } = this;
    const around = this.around[kind];
    const weights = this.tables.weights[kind][group];
    const taps = AROUND * first + ABOVE * (stop - first);
    for (let channel = first; channel < stop; channel++) {
      const out = ((channel - first) * height + y) * width;
      for (let tap = AROUND * first; tap < taps; tap++) {
        const weight = weights[(channel - first) * taps + tap];
        const own = tap - AROUND * first;
        const from = (first + Math.floor(own / ABOVE)) * plane + y * line + (own % ABOVE);
        for (let x = 0; x < width; x++) said[out + x] += weight * around[from + x];
      }
    }
  }

  /** Code one row of a group's channels. */
  row(mean, scale, first, stop, y) {
    const { height, width, step, rows, coder } = this;
    const count = (stop - first) * width;
    this.left -= count;
    const [starts, frequencies] = [new Int32Array(count), new Int32Array(count)];
    const upper = [];
    for (let k = 0; k < count; k++) {
      const channel = Math.floor(k / width);
      const at = (channel * height + y) * width + (k % width);
      const level = this.levels[first * height * width + at];
      const sixteenths =
        Math.floor((16 * Math.floor(mean[at] / MEAN_UNIT) + (step >> 1)) / step) + FRACTIONS / 2;
      const nearest = Math.floor(sixteenths / 16);
      const quarters = Math.floor((scale[at] + SCALE_UNIT / 2) / SCALE_UNIT);
      const ratio = clip(quarters - this.setting, 0, rows.shifts.length - 1);
      const shift = rows.shifts[ratio];
      const symbol = clip(Math.floor((level - nearest) / 2 ** shift) + MIDDLE, 0, SYMBOLS - 1);
      const index = ((ratio * FRACTIONS) + (sixteenths & 15)) * (SYMBOLS + 1) + symbol;
      starts[k] = rows.starts[index];
      frequencies[k] = rows.starts[index + 1] - rows.starts[index];
      if (symbol === 0 || symbol === SYMBOLS - 1) {
        coder.raw.put((level + OFFSET) & 0xff, 8);
        upper.push((level + OFFSET) >> 8);
      } else {
        coder.raw.put((level - nearest) & ((1 << shift) - 1), shift);
      }
      this.keep(first + channel, y, k % width, level * step);
    }
    coder.put(starts, frequencies, this.left);
    for (const field of upper) coder.raw.put(field, 8);
  }

  keep(channel, y, x, value) {
    const at = channel * this.plane + (y + 1) * this.line + x + 1;
    this.around[0][at] = value;
    this.around[1][at] = magnitude(value);
  }
}

/** 64ths of an octave of 1 + |value| / 2^8, linear between powers of two. */
function magnitude(value) {
  const x = Math.abs(value) + (1 << LOG_UNIT_BITS);
  const exponent = 31 - Math.clz32(x);
  return 64 * (exponent - LOG_UNIT_BITS - 1) + ((x << 6) >> exponent);
}

const made = new WeakMap();

/** The rows of frequencies: first slots of each row's symbols, and the total behind them. */
function rowsOf(constants) {
  if (!made.has(constants)) made.set(constants, makeRows(constants));
  return made.get(constants);
}

function makeRows({ learned_inverses: inverses, logistic }) {
  const shifts = inverses.map((_, ratio) => Math.max(Math.ceil((ratio - ONE_LEVEL - 4) / 4), 0));
  const starts = [];
  inverses.forEach((inverse, ratio) => {
    for (let fraction = 0; fraction < FRACTIONS; fraction++) {
      starts.push(0);
      for (let symbol = 1; symbol < SYMBOLS; symbol++) {
        // Half a level below the first level, counted from the mean, in sixteenths of a level.
        const edge = 16 * ((symbol - MIDDLE) << shifts[ratio]) - 8 - (fraction - FRACTIONS / 2);
        const below = distribution(logistic, (edge * inverse) >> 12);
        starts.push(symbol + ((below * (FREQUENCY_TOTAL - SYMBOLS)) >> 16));
      }
      starts.push(FREQUENCY_TOTAL);
    }
  });
  return { shifts, starts: Int32Array.from(starts) };
}

/** 65536 times the logistic distribution function of eighths / 128; `logistic` of tables.py. */
function distribution(logistic, eighths) {
  const size = Math.abs(eighths);
  const index = Math.min(size >> 3, logistic.length - 2);
  const value = logistic[index] + (((logistic[index + 1] - logistic[index]) * (size & 7)) >> 3);
  return eighths < 0 ? 65536 - value : value;
}
