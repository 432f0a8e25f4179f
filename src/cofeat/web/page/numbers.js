// Rounding and searching as numpy does them.

/** The nearest integer, halves to even, as numpy's rint. */
export function rint(x) {
  const rounded = Math.round(x);
  return Math.abs(x - Math.trunc(x)) === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

/** x limited to low ... high. */
export function clip(x, low, high) {
  return x < low ? low : x > high ? high : x;
}

/** a modulo n, never negative. */
export function modulo(a, n) {
  return ((a % n) + n) % n;
}

/** The first index whose value is at least x (left), or above x (right), of ascending values. */
export function searchSorted(values, x, side = "left") {
  let index = 0;
  while (index < values.length && (values[index] < x || (side === "right" && values[index] === x)))
    index++;
  return index;
}

/** The number of bits of a non-negative integer, as Python's bit_length. */
export function bitLength(x) {
  return 32 - Math.clz32(x);
}
