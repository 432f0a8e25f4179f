// What the neighbors say of an element, in quarters of a level; prediction.py.

import { REACHED } from "./lattice.js";

const LOWEST = -1024;
const HIGHEST = 2047;
const DIAGONAL_TYPE = 5;

/** A prediction within what 16 bits can work with. */
export function limited(prediction) {
  return prediction < LOWEST ? LOWEST : prediction > HIGHEST ? HIGHEST : prediction;
}

/**
 * What the neighbors alone predict.
 *
 * @param {Int16Array} plane H x W values in coding order.
 * @param {object} part the pass, of lattice.js.
 * @param {number} place in coding order.
 * @param {ArrayLike<number>} filter its taps in 64ths.
 * @param {number} center of the channel; stands in for what is not known.
 */
export function baseOf(plane, part, place, filter, center) {
  let total = 0;
  if (part.type) {
    const { reached } = part;
    const first = REACHED * (place - part.first);
    const less = (k) => {
      const at = reached[first + k];
      return at < plane.length ? plane[at] - center : 0;
    };
    if (part.type === DIAGONAL_TYPE) {
      for (let tap = 0; tap < 9; tap++) total += filter[tap] * less(tap);
    } else {
      let beyond = 0;
      for (let k = 4; k < REACHED; k++) beyond += less(k);
      total = filter[0] * (less(0) + less(1)) + filter[1] * (less(2) + less(3)) + filter[2] * beyond;
    }
  }
  return limited((total >> 4) + 4 * center);
}
