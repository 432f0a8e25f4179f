// The codec `cofeat-learned` (id 18): the library's bytes to the bit, where a model has such tables.
// codecs/cofeat_learned.py, learned_walk.py and learned_rows.py say the same in Python.
// Sums of products exceed 32 bits, and are whole numbers that doubles hold: floors, no shifts.

import { clip, rint } from "./numbers.js";
import { FREQUENCY_TOTAL, RansEncoder } from "./rans.js";

export const COFEAT_LEARNED_ID = 18;
const AROUND = 9;
const ABOVE = 3;
const MEAN_UNIT = 2 ** 10;
const HIDDEN_UNIT = 2 ** 10;
const LARGEST_HIDDEN = 2 ** 15 - 1;
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
  const [groups, hidden] = head.subarray(5, 7);
  const channels = head[7] | (head[8] << 8);
  const bounds = Array.from({ length: groups + 1 }, (_, k) => Math.floor((channels * k) / groups));
  const sizes = bounds.slice(1).map((stop, k) => stop - bounds[k]);
  const taps = sizes.map((size, k) => AROUND * bounds[k] + ABOVE * size);
  const weights = (counts) => counts.map((count) => take(Int16Array, count));
  return {
    learned: true,
    channels,
    hidden,
    bounds,
    meanBias: take(Int32Array, channels),
    scaleBias: take(Int32Array, channels),
    firstBias: take(Int32Array, groups * hidden),
    secondBias: take(Int32Array, groups * hidden),
    mean: weights(sizes.map((size, k) => size * taps[k])),
    first: weights(taps.map((count) => hidden * count)),
    second: weights(sizes.map(() => hidden * hidden)),
    told: weights(sizes.map((size) => 2 * size * hidden)),
  };
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
    // Values and signed magnitudes, with a border of zeros.
    this.line = width + 2;
    this.plane = this.line * (height + 2);
    this.values = new Float64Array(tables.channels * this.plane);
    this.magnitudes = new Float64Array(tables.channels * this.plane);
  }

  run() {
    const { bounds } = this.tables;
    for (let group = 1; group < bounds.length; group++)
      this.group(group - 1, bounds[group - 1], bounds[group]);
  }

  group(group, first, stop) {
    const { tables, height, values, magnitudes } = this;
    const [size, units] = [stop - first, group * tables.hidden];
    const seen = { first, taps: AROUND * first + ABOVE * size };
    const direct = { ...seen, around: values, weights: tables.mean[group] };
    const hidden = { ...seen, around: magnitudes, weights: tables.first[group] };
    const means = this.ofEarlier(direct, tables.meanBias.subarray(first, stop));
    const sums = this.ofEarlier(hidden, tables.firstBias.subarray(units, units + tables.hidden));
    for (let y = 0; y < height; y++) {
      this.addAbove(direct, y, means);
      this.addAbove(hidden, y, sums);
      const scales = this.addHidden(group, first, stop, y, means, sums);
      this.row(means, scales, first, stop, y);
    }
  }

  /**
   * Biases of outputs, and earlier groups' channels weighed, 3x3 around each of their places. Rows are
   * as long as those of `around`: one loop takes all of them, and what it makes of borders nobody reads.
   */
  ofEarlier({ first, taps, around, weights }, biases) {
    const { height, line, plane } = this;
    const [size, span] = [height * line, height * line - 2];
    const said = new Float64Array(biases.length * size);
    for (let output = 0; output < biases.length; output++) {
      const out = output * size;
      said.fill(biases[output], out, out + size);
      for (let dy = 0; dy < 3; dy++) {
        for (let earlier = 0; earlier < first; earlier++) {
          const at = output * taps + 3 * dy * first + earlier;
          const [left, middle, right] = [weights[at], weights[at + first], weights[at + 2 * first]];
          const from = earlier * plane + dy * line;
          for (let k = 0; k < span; k++) {
            said[out + k] += left * around[from + k] + middle * around[from + k + 1]
              + right * around[from + k + 2];
          }
        }
      }
    }
    return said;
  }

  /** Add what the group's own channels say in the row above. */
  addAbove({ first, taps, around, weights }, y, said) {
    const { height, width, line, plane } = this;
    for (let output = 0; output < said.length / (height * line); output++) {
      const out = (output * height + y) * line;
      for (let tap = AROUND * first; tap < taps; tap++) {
        const weight = weights[output * taps + tap];
        const own = tap - AROUND * first;
        const from = (first + Math.floor(own / ABOVE)) * plane + y * line + (own % ABOVE);
        for (let x = 0; x < width; x++) said[out + x] += weight * around[from + x];
      }
    }
  }

  /** Add what the hidden units say to the means of a row; returns its scales, channel by channel. */
  addHidden(group, first, stop, y, means, sums) {
    const { tables, height, width, line } = this;
    const { hidden } = tables;
    const [second, told] = [tables.second[group], tables.told[group]];
    const scales = new Float64Array((stop - first) * width);
    for (let x = 0; x < width; x++) {
      const units = layer(hidden, (unit) => sums[(unit * height + y) * line + x]);
      const deeper = layer(hidden, (unit) =>
        tables.secondBias[group * hidden + unit] + dot(second, unit * hidden, units));
      for (let channel = 0; channel < stop - first; channel++) {
        means[(channel * height + y) * line + x] += dot(told, channel * hidden, deeper);
        scales[channel * width + x] = tables.scaleBias[first + channel]
          + dot(told, (stop - first + channel) * hidden, deeper);
      }
    }
    return scales;
  }

  /** Code one row of a group's channels. */
  row(means, scales, first, stop, y) {
    const { height, width, line, step, rows, coder } = this;
    const count = (stop - first) * width;
    this.left -= count;
    const [starts, frequencies] = [new Int32Array(count), new Int32Array(count)];
    const upper = [];
    for (let k = 0; k < count; k++) {
      const channel = Math.floor(k / width);
      const level = this.levels[((first + channel) * height + y) * width + (k % width)];
      const at = (channel * height + y) * line + (k % width);
      const sixteenths =
        Math.floor((16 * Math.floor(means[at] / MEAN_UNIT) + (step >> 1)) / step) + FRACTIONS / 2;
      const nearest = Math.floor(sixteenths / 16);
      const quarters = Math.floor((scales[k] + SCALE_UNIT / 2) / SCALE_UNIT);
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
    this.values[at] = value;
    this.magnitudes[at] = Math.sign(value) * magnitude(value);
  }
}

/** Hidden units of their sums. */
function layer(count, sum) {
  return Array.from({ length: count }, (_, unit) =>
    clip(Math.floor(sum(unit) / HIDDEN_UNIT), 0, LARGEST_HIDDEN));
}

/** The sum of weights, from one on, times units. */
function dot(weights, from, units) {
  let sum = 0;
  for (let k = 0; k < units.length; k++) sum += weights[from + k] * units[k];
  return sum;
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
