// The encoder's choices where there are no tables; analysis.py, whose choices these are. It may
// choose freely, so here are floats: another encoder may choose otherwise.

import { COARSE_TO_FINE, DIAGONAL, lattice, MOST_TAPS, taps, TYPES, REACHED } from "./lattice.js";
import { bitLength, clip, rint, searchSorted } from "./numbers.js";
import { baseOf, limited } from "./prediction.js";

const MOST_DIAGONAL_PLACES = 200;
const MOST_DIAGONALS = 512;
const MOST_GENERATIONS = 16;
const GENERATION_ELEMENTS = [8192, 32768];
const LEAST_ZEROS = 0.02;
const ZERO_CLASS_STEP = 0.6;
const MOST_FITTED_CHANNELS = 64;
const MOST_REFERRING_CHANNELS = 2048;
const MOST_REFERENCES = 5;
const REFERENCE_BITS = 13;
const COEFFICIENT_BITS = 10;
const ONE_INDEX = 24;
const ALL_ZERO = 15;

/** The class of zeros of each channel, 0 for one that has few; values in any order. */
export function zeroClassesOf(values, places) {
  return Int32Array.from({ length: values.length / places }, (_, channel) => {
    let others = 0;
    for (let k = channel * places; k < (channel + 1) * places; k++) if (values[k]) others++;
    const zeros = 1 - others / places;
    const odds = Math.log((zeros + 1e-4) / (1 - zeros + 1e-4));
    return zeros > LEAST_ZEROS ? clip(rint(odds / ZERO_CLASS_STEP + 7.5), 1, ALL_ZERO - 1) : 0;
  });
}

/** Means rounded to what a center may be. */
export function centersOf(zeroClass, mean, bits, { centers }) {
  const between = centers.slice(1).map((center, k) => (center + centers[k]) / 2);
  const step = 1 << Math.max(bits - 6, 0);
  return Int16Array.from(zeroClass, (spiked, channel) => spiked
    ? centers[searchSorted(between, mean[channel])]
    : Math.min(rint(mean[channel] / step), Math.floor((1 << bits) / step) - 1) * step);
}

/** The mean logarithm of each channel's residuals, in half octaves. */
export function scalesOf(zeroClass, values, prediction, places, { logarithm }) {
  return Int32Array.from(zeroClass, (class_, channel) => {
    const lowest = class_ ? 1 : 0;
    let total = 0;
    let count = 0;
    for (let k = channel * places; k < (channel + 1) * places; k++) {
      if (values[k] < lowest) continue;
      total += logarithm[Math.abs(values[k] - clip((prediction[k] + 2) >> 2, lowest, 255))];
      count++;
    }
    return clip(rint(total / Math.max(count, 1) / 4), 0, 15);
  });
}

/**
 * Choose a plan, as make_plan does.
 *
 * @param {Int16Array} values C x H x W in raster order, no channel all zero.
 * @param {number[]} size [H, W].
 * @param {number} bits n, up to 8.
 * @param {number} mostGenerations each costs time and saves bytes.
 * @param {object} constants the library's.
 */
export function makePlan(values, size, bits, mostGenerations, constants) {
  const places = size[0] * size[1];
  const channels = values.length / places;
  const diagonals = Math.floor(MOST_DIAGONALS / (2 * size[0] + size[1]));
  const most = Math.min(MOST_GENERATIONS, channels);
  const schedule = places <= MOST_DIAGONAL_PLACES && diagonals ? DIAGONAL : COARSE_TO_FINE;
  let generations = Math.max(Math.floor(values.length / GENERATION_ELEMENTS[schedule]), 1);
  generations = Math.min(generations, mostGenerations, most);
  if (schedule === DIAGONAL) generations = Math.min(generations, diagonals);
  if (channels > MOST_REFERRING_CHANNELS) generations = 1;
  const { order, passes } = lattice(...size, schedule);
  const ordered = new Int16Array(values.length);
  const mean = new Float64Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    for (let k = 0; k < places; k++) {
      const value = values[channel * places + order[k]];
      ordered[channel * places + k] = value;
      mean[channel] += value;
    }
    mean[channel] /= places;
  }
  const zeroClass = zeroClassesOf(ordered, places);
  const center = centersOf(zeroClass, mean, bits, constants);
  const plan = {
    schedule, generations, zeroClass, center,
    bounds: Array.from({ length: generations + 1 }, (_, k) => Math.floor((channels * k) / generations)),
    references: Array.from({ length: channels }, () => []),
  };
  plan.filters = fittedFilters(plan, ordered, places, passes);
  const prediction = new Int16Array(values.length);
  for (let channel = 0; channel < channels; channel++) {
    const plane = ordered.subarray(channel * places, (channel + 1) * places);
    for (const part of passes) {
      const filter = plan.filters[zeroClass[channel] ? 1 : 0][part.type];
      for (let k = part.first; k < part.stop; k++)
        prediction[channel * places + k] = baseOf(plane, part, k, filter, center[channel]);
    }
  }
  if (generations > 1) {
    const deviations = ordered.map((value, k) => 4 * value - prediction[k]);
    chooseReferences(plan, deviations, places, constants);
    addReferences(plan, deviations, prediction, places, constants);
  }
  plan.scale = scalesOf(zeroClass, ordered, prediction, places, constants);
  return { plan, values: ordered, prediction };
}

/** Least squares for each kind of channels and type of pass, channels weighted alike. */
function fittedFilters(plan, values, places, passes) {
  const filters = [0, 1].map(() => Array.from({ length: TYPES }, () => new Int32Array(MOST_TAPS)));
  for (const kind of [0, 1]) {
    let members = [...plan.zeroClass.keys()].filter((k) => (plan.zeroClass[k] ? 1 : 0) === kind);
    const stride = Math.ceil(members.length / MOST_FITTED_CHANNELS);
    // Some channels, spread evenly, tell as much as all.
    members = members.filter((_, index) => index % stride === 0);
    const scaled = members.map((channel) => {
      const plane = values.subarray(channel * places, (channel + 1) * places);
      const center = plan.center[channel];
      const total = plane.reduce((sum, value) => sum + Math.abs(value - center), 0);
      const factor = Math.fround(1 / (total / places + 1));
      // What is not known is the center: 0.
      return Float32Array.from({ length: places + 1 }, (_, k) =>
        k < places ? (plane[k] - center) * factor : 0);
    });
    for (const type of members.length ? [1, 2, 3, 4, 5] : []) {
      const parts = passes.filter((part) => part.type === type);
      if (parts.length) filters[kind][type].set(fitOne(scaled, parts, taps(type)));
    }
  }
  return filters;
}

function fitOne(planes, parts, tapsOf) {
  const count = tapsOf.length;
  const square = Array.from({ length: count }, () => new Float64Array(count));
  const cross = new Float64Array(count);
  const sums = new Float64Array(count);
  for (const plane of planes)
    for (const part of parts)
      for (let k = part.first; k < part.stop; k++) {
        for (let tap = 0; tap < count; tap++) {
          sums[tap] = 0;
          for (const index of tapsOf[tap])
            sums[tap] += plane[part.reached[REACHED * (k - part.first) + index]];
        }
        for (let a = 0; a < count; a++) {
          cross[a] += sums[a] * plane[k];
          for (let b = 0; b < count; b++) square[a][b] += sums[a] * sums[b];
        }
      }
  const trace = square.reduce((sum, row, k) => sum + row[k], 0);
  square.forEach((row, k) => (row[k] += 1 + (1e-3 * trace) / count));
  return solved(square, cross).map((weight) => clip(rint(64 * weight), -127, 127));
}

/** Gauss, for a matrix that its ridge makes definite. */
function solved(matrix, vector) {
  const size = vector.length;
  const right = Float64Array.from(vector);
  for (let k = 0; k < size; k++)
    for (let row = k + 1; row < size; row++) {
      const factor = matrix[row][k] / matrix[k][k];
      for (let column = k; column < size; column++) matrix[row][column] -= factor * matrix[k][column];
      right[row] -= factor * right[k];
    }
  for (let k = size - 1; k >= 0; k--) {
    for (let column = k + 1; column < size; column++) right[k] -= matrix[k][column] * right[column];
    right[k] /= matrix[k][k];
  }
  return right;
}

/** Matching pursuit for the channels of every generation but the first. */
function chooseReferences(plan, deviations, places, { magnitudes }) {
  const channels = plan.center.length;
  const plane = (channel) => deviations.subarray(channel * places, (channel + 1) * places);
  const gram = Array.from({ length: channels }, (_, a) => Float64Array.from({ length: channels }, (_, b) =>
    b > a ? 0 : plane(a).reduce((sum, value, k) => sum + value * deviations[b * places + k], 0)));
  const at = (a, b) => (a > b ? gram[a][b] : gram[b][a]);
  const energy = gram.map((row, k) => row[k] + 1e-3);
  const noise = 1.3 * places;
  for (let generation = 1; generation < plan.generations; generation++) {
    const [first, stop] = [plan.bounds[generation], plan.bounds[generation + 1]];
    for (let channel = first; channel < stop; channel++) {
      const worth = (places / 2) * (plan.zeroClass[channel] ? 0.75 : 1);
      const cross = gram[channel].slice(0, first);
      let left = energy[channel];
      for (let rank = 0; rank < MOST_REFERENCES; rank++) {
        let best = 0;
        for (let k = 1; k < first; k++)
          if (cross[k] ** 2 / energy[k] > cross[best] ** 2 / energy[best]) best = k;
        const wish = cross[best] / energy[best];
        const wanted = rint(4 * Math.log2(Math.abs(wish) + 1e-9)) + ONE_INDEX;
        const index = clip(wanted, 0, magnitudes.length - 1);
        const size = magnitudes[index] / (1 << COEFFICIENT_BITS);
        const factor = wish < 0 ? -size : size;
        const then = left - factor * (2 * cross[best] - factor * energy[best]);
        const gain = worth * Math.log2((left + noise) / (Math.max(then, 0) + noise));
        if (!(gain > REFERENCE_BITS && wanted >= 0 && wanted < magnitudes.length + 2)) break;
        plan.references[channel].push({
          channel: best, coefficient: index + (wish < 0 ? magnitudes.length : 0),
        });
        left = then;
        for (let k = 0; k < first; k++) cross[k] -= factor * at(best, k);
      }
    }
  }
}

function addReferences(plan, deviations, prediction, places, { magnitudes }) {
  plan.references.forEach((references, channel) => {
    if (!references.length) return;
    for (let k = 0; k < places; k++) {
      let said = 0;
      for (const { channel: other, coefficient } of references) {
        const magnitude = magnitudes[coefficient % magnitudes.length];
        const factor = coefficient < magnitudes.length ? magnitude : -magnitude;
        said += (deviations[other * places + k] * factor) >> COEFFICIENT_BITS;
      }
      prediction[channel * places + k] = limited(prediction[channel * places + k] + said);
    }
  });
}

/** Tell a plan, as code_plan does. */
export function tellPlan(coder, plan, bits, { centers }) {
  const { zeroClass, center, bounds } = plan;
  coder.raw([plan.schedule, plan.generations - 1], [1, 4]);
  coder.listed(1, plan.scale);
  const low = Math.max(bits - 6, 0);
  const spiked = center.filter((_, k) => zeroClass[k]);
  const plain = center.filter((_, k) => !zeroClass[k]);
  coder.listed(2, Array.from(spiked, (each) => searchSorted(centers, each)));
  coder.raw(Array.from(plain, (each) => each >> low), Array(plain.length).fill(bits - low));
  const types = plan.schedule === COARSE_TO_FINE ? [1, 2, 3, 4] : [5];
  const kinds = [plain.length ? [0] : [], spiked.length ? [1] : []].flat();
  const weights = kinds.flatMap((kind) => types.flatMap((type) =>
    Array.from(plan.filters[kind][type].slice(0, taps(type).length), (each) => each + 128)));
  coder.raw(weights, Array(weights.length).fill(8));
  if (plan.generations === 1) return;
  const later = plan.references.slice(bounds[1]);
  coder.listed(3, later.map((references) => references.length));
  const told = later.flatMap((references, k) => {
    const generation = searchSorted(bounds, bounds[1] + k, "right") - 1;
    const width = bitLength(bounds[generation] - 1);
    return references.map((reference) => ({ ...reference, width }));
  });
  coder.raw(told.map((each) => each.channel & 0xff), told.map((each) => Math.min(each.width, 8)));
  coder.raw(told.map((each) => each.channel >> 8), told.map((each) => Math.max(each.width - 8, 0)));
  coder.listed(4, told.map((each) => each.coefficient));
}
