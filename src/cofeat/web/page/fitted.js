// Tables fitted to a model's features, and the plan that follows from them; fitted.py and
// fitted_plan.py say the same, docs/bitstream.md, "With tables" and "The file of tables", is the norm.

import { centersOf, scalesOf, zeroClassesOf } from "./analysis.js";
import { COARSE_TO_FINE, lattice } from "./lattice.js";
import { clip, modulo, rint, searchSorted } from "./numbers.js";
import { baseOf, limited } from "./prediction.js";

const PASS_TYPES = 5;
const OWN_WEIGHTS = 4;
const MOST_REACH = 9;
const GAIN_BITS = 12;
const HALF_GAIN = 1 << (GAIN_BITS - 1);
const MOST_GAIN = 0xffff;
const SHIFT_ZERO = 16;
const PLAIN_STEPS = 64;
const ALL_ZERO = 15;
const CLASSES = 16;
const SCALES = 16;

/** Read what a file of tables holds; see tables.js. */
export function readFitted(head, take) {
  const [anchored, generations, reach] = head.subarray(5, 8);
  const channels = head[8] | (head[9] << 8);
  const bounds = Array.from({ length: generations + 1 }, (_, k) =>
    Math.floor((channels * k) / generations));
  return {
    anchored, channels, bounds,
    zeroClass: take(Uint8Array, channels),
    scale: take(Uint8Array, channels),
    center: take(Int16Array, channels),
    own: take(Int8Array, channels * PASS_TYPES * OWN_WEIGHTS),
    intercept: take(Int16Array, channels),
    shift: take(Uint8Array, channels),
    weights: bounds.slice(1).map((stop, k) => {
      const size = (stop - bounds[k]) * bounds[k];
      return together(take(Int8Array, reach * size), reach, size);
    }),
    zeroRows: take(Uint16Array, 64 * 2),
    valueRows: take(Uint16Array, 132 * 40),
    channelRows: take(Uint16Array, 4 * 64),
  };
}

/** The weights of all offsets of a pair of channels side by side; those that are not there are 0. */
function together(weights, reach, size) {
  const all = new Int8Array(MOST_REACH * size);
  for (let offset = 0; offset < reach; offset++)
    for (let k = 0; k < size; k++) all[MOST_REACH * k + offset] = weights[offset * size + k];
  return all;
}

/**
 * Choose what is told where there are tables, as make_fitted_plan does.
 *
 * @param {object} tables what readFitted returned.
 * @param {Int16Array} values C x H x W in raster order, of all channels.
 * @param {number[]} size [H, W].
 * @param {number} bits of the values, up to 8.
 * @param {object} constants the library's.
 */
export function makeFittedPlan(tables, values, size, bits, constants) {
  const places = size[0] * size[1];
  const mean = new Float64Array(tables.channels);
  const live = [];
  for (let channel = 0; channel < tables.channels; channel++) {
    const plane = values.subarray(channel * places, (channel + 1) * places);
    const total = plane.reduce((sum, value) => sum + value, 0);
    mean[channel] = total / places;
    if (total) live.push(channel);
  }
  const { zero, gain } = zeroAndGain(tables, mean, bits);
  const layout = lattice(...size, COARSE_TO_FINE);
  const ordered = new Int16Array(live.length * places);
  live.forEach((channel, index) => {
    for (let k = 0; k < places; k++)
      ordered[index * places + k] = values[channel * places + layout.order[k]];
  });
  const zeroClass = zeroClassesOf(ordered, places);
  const center = centersOf(zeroClass, live.map((channel) => mean[channel]), bits, constants);
  const classes = new Int32Array(tables.channels).fill(ALL_ZERO);
  live.forEach((channel, index) => (classes[channel] = zeroClass[index]));
  const plan = {
    schedule: COARSE_TO_FINE, zero, gain, live, classes, zeroClass, center,
    bounds: tables.bounds.map((bound) => searchSorted(live, bound)),
  };
  const prediction = predict(tables, plan, ordered, size, layout);
  plan.scale = scalesOf(zeroClass, ordered, prediction, places, constants);
  return { plan, values: ordered, prediction };
}

/** The zero and the gain with which the tables tell the channels' means best. */
function zeroAndGain({ anchored, center }, mean, bits) {
  const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);
  const floats = Float64Array.from(center);
  let zero = 0;
  let gain = dot(floats, mean) / Math.max(dot(floats, floats), 1);
  if (!anchored && Math.max(...floats) > Math.min(...floats)) {
    const average = (array) => array.reduce((sum, value) => sum + value, 0) / array.length;
    const spread = floats.map((value) => value - average(floats));
    gain = dot(spread, mean) / dot(spread, spread);
    zero = average(mean) - gain * average(floats);
  }
  return {
    zero: clip(rint(zero), 0, (1 << bits) - 1),
    gain: clip(rint(gain * (1 << GAIN_BITS)), 1, MOST_GAIN),
  };
}

/** What neighbors, earlier channels, center and intercept say of every element. */
function predict(tables, plan, values, size, layout) {
  const { live, center, zero, gain } = plan;
  const places = size[0] * size[1];
  const prediction = new Int16Array(values.length);
  const around = new Around(size, layout.order, values, zero);
  for (let generation = 1; generation < plan.bounds.length; generation++) {
    const [first, stop] = [plan.bounds[generation - 1], plan.bounds[generation]];
    for (let index = first; index < stop; index++) {
      const channel = live[index];
      const said = around.weighed(tables, generation - 1, live, first, channel);
      const intercept = (tables.intercept[channel] * gain + HALF_GAIN) >> GAIN_BITS;
      const difference = center[index] - zero;
      const own = tables.own.subarray(channel * PASS_TYPES * OWN_WEIGHTS);
      const plane = values.subarray(index * places, (index + 1) * places);
      for (const part of layout.passes) {
        const [ofCenter, ...filter] = own.subarray(
          part.type * OWN_WEIGHTS, (part.type + 1) * OWN_WEIGHTS);
        // Taps of two, two and eight places.
        const weight = part.type ? ofCenter + 2 * filter[0] + 2 * filter[1] + 8 * filter[2] : ofCenter;
        const added = intercept - 4 * difference + ((weight * difference) >> 4);
        for (let k = part.first; k < part.stop; k++) {
          const base = baseOf(plane, part, k, filter, center[index]);
          prediction[index * places + k] = limited(base + said[k] + added);
        }
      }
    }
  }
  return prediction;
}

/** Planes with a border of one, where the nearest element stands in, less the zero. */
class Around {
  constructor([height, width], order, values, zero) {
    this.row = width + 2;
    this.size = (height + 2) * this.row;
    this.column = Int32Array.from(order, (raster) =>
      Math.floor(raster / width) * this.row + (raster % width));
    const places = height * width;
    const raster = new Int16Array(places);
    this.planes = new Int16Array((values.length / places) * this.size + 2);
    for (let at = 0, start = 0; at < values.length; at += places, start += this.size) {
      order.forEach((to, k) => (raster[to] = values[at + k] - zero));
      for (let y = 0; y < height + 2; y++)
        for (let x = 0; x < this.row; x++)
          this.planes[start + y * this.row + x] =
            raster[clip(y - 1, 0, height - 1) * width + clip(x - 1, 0, width - 1)];
    }
    // Over rows with their borders, whose sums nobody looks at.
    this.sums = new Int32Array(height * this.row);
    this.total = new Int32Array(places);
  }

  /** The sum over earlier channels of a channel's weights times their elements, in quarters. */
  weighed(tables, generation, live, before, channel) {
    const { sums, total, column, planes, size, row } = this;
    const begin = tables.bounds[generation];
    const weights = tables.weights[generation];
    sums.fill(0);
    for (let earlier = 0; earlier < before; earlier++) {
      const at = MOST_REACH * ((channel - begin) * begin + live[earlier]);
      // Offsets in the order of the file; one loop for all is twice as fast as one for each.
      const w0 = weights[at], w1 = weights[at + 1], w2 = weights[at + 2], w3 = weights[at + 3];
      const w4 = weights[at + 4], w5 = weights[at + 5], w6 = weights[at + 6], w7 = weights[at + 7];
      const w8 = weights[at + 8];
      let above = earlier * size;
      for (let k = 0; k < sums.length; k++, above++) {
        const middle = above + row;
        const below = middle + row;
        sums[k] += w5 * planes[above] + w1 * planes[above + 1] + w6 * planes[above + 2] +
          w2 * planes[middle] + w0 * planes[middle + 1] + w3 * planes[middle + 2] +
          w7 * planes[below] + w4 * planes[below + 1] + w8 * planes[below + 2];
      }
    }
    const shift = tables.shift[channel] - 2;
    for (let k = 0; k < total.length; k++) total[k] = sums[column[k]] >> shift;
    return total;
  }
}

/** Tell a plan, as code_fitted_classes and code_fitted_plan do. */
export function tellFittedPlan(coder, tables, plan, bits, { centers }) {
  const { live, zeroClass, center, zero, gain } = plan;
  coder.listed(0, plan.classes.map((each, k) => modulo(each - tables.zeroClass[k], CLASSES)));
  const differences = live.map((channel, k) => plan.scale[k] - tables.scale[channel]);
  const shift = (live.length ? rint(median(differences)) : 0) + SHIFT_ZERO;
  coder.raw([zero, gain & 0xff, gain >> 8, shift], [8, 8, 8, 5]);
  coder.listed(1, differences.map((each) => modulo(each - (shift - SHIFT_ZERO), SCALES)));
  const usual = live.map((channel) =>
    clip(zero + ((tables.center[channel] * gain + HALF_GAIN) >> GAIN_BITS), 0, 255));
  const low = Math.max(bits - 6, 0);
  const spiked = [];
  const plain = [];
  live.forEach((_, k) => {
    if (zeroClass[k]) {
      const nearest = searchSorted(centers, usual[k], "right") - 1;
      spiked.push(modulo(searchSorted(centers, center[k]) - nearest, centers.length));
    } else {
      plain.push(modulo((center[k] >> low) - (usual[k] >> low), PLAIN_STEPS));
    }
  });
  coder.listed(2, spiked);
  coder.listed(3, plain);
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
