// The codecs `cofeat` (id 16, lossless) and `cofeat-lossy` (17): the library's bytes to the bit.
// codecs/cofeat.py and codecs/cofeat_lossy.py say the same in Python.

import { makePlan, tellPlan } from "./analysis.js";
import { EngineEncoder } from "./engine.js";
import { makeFittedPlan, tellFittedPlan } from "./fitted.js";
import { bitLength, rint } from "./numbers.js";

export const COFEAT_ID = 16;
export const COFEAT_LOSSY_ID = 17;
/** Generations without tables, the codec's default setting. */
export const COFEAT_SETTING = 4;
const MODELED_BITS = 8;
const ALL_ZERO = 15;

/**
 * Code integers without loss.
 *
 * @param {Engine} engine
 * @param {object} constants the library's.
 * @param {Uint8Array|Uint16Array} values C x H x W.
 * @param {number[]} shape [C, H, W].
 * @param {number} bits n, 1 to 16.
 * @param {?object} fitted tables of the model, or null.
 * @returns {Uint8Array} the payload.
 */
export function encodeCofeat(engine, constants, values, [channels, ...size], bits, fitted) {
  const lowBits = Math.max(bits - MODELED_BITS, 0);
  const modeled = bits - lowBits;
  const high = Int16Array.from(values, (value) => value >> lowBits);
  const coder = new EngineEncoder(engine, lanesFor(high, modeled), fitted);
  const known = fitted
    ? tellFitted(coder, constants, high, size, modeled, fitted)
    : tellOwn(coder, constants, high, channels, size, modeled);
  if (known) coder.walk(known.plan, size, (1 << modeled) - 1, known.values, known.prediction);
  if (lowBits) {
    const low = values.map((value) => value & ((1 << lowBits) - 1));
    coder.raw(low, new Uint8Array(low.length).fill(lowBits));
  }
  return coder.finish();
}

/** Code the levels of a coarser step without loss; bits up to 8. */
export function encodeCofeatLossy(engine, constants, values, shape, bits, setting, fitted) {
  const one = 16 << (8 - bits);
  const step = Math.max(constants.steps[setting], one);
  const levels = values.map((value) => rint((one * value) / step));
  const depth = bitLength(rint((one * ((1 << bits) - 1)) / step));
  return encodeCofeat(engine, constants, levels, shape, depth, fitted);
}

function tellFitted(coder, constants, high, size, modeled, fitted) {
  const known = makeFittedPlan(fitted, high, size, modeled, constants);
  tellFittedPlan(coder, fitted, known.plan, modeled, constants);
  return known.plan.live.length ? known : null;
}

function tellOwn(coder, constants, high, channels, size, modeled) {
  const places = size[0] * size[1];
  const live = [];
  for (let channel = 0; channel < channels; channel++)
    if (high.subarray(channel * places, (channel + 1) * places).some((value) => value))
      live.push(channel);
  const classes = new Int32Array(channels).fill(ALL_ZERO);
  if (!live.length) {
    coder.listed(0, classes);
    return null;
  }
  const of = new Int16Array(live.length * places);
  live.forEach((channel, k) =>
    of.set(high.subarray(channel * places, (channel + 1) * places), k * places));
  const known = makePlan(of, size, modeled, COFEAT_SETTING, constants);
  live.forEach((channel, k) => (classes[channel] = known.plan.zeroClass[k]));
  coder.listed(0, classes);
  tellPlan(coder, known.plan, modeled, constants);
  return known;
}

/** More lanes are faster, and take half a byte each: by the symbols and bits that are likely. */
function lanesFor(values, bits) {
  const others = values.reduce((count, value) => count + (value ? 1 : 0), 0);
  return Math.min(values.length >> 8, ((values.length >> 2) + bits * others) >> 9);
}
