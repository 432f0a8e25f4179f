// In which order the elements of a plane are coded, and which neighbors are known by then;
// docs/bitstream.md (16), "Passes", and lattice.py, whose names these are.

export const COARSE_TO_FINE = 0;
export const DIAGONAL = 1;
export const TYPES = 6;
export const MOST_TAPS = 9;
/** Places that a place reaches: four near ones, then what else its taps sum. */
export const REACHED = 12;
const DIAGONAL_TYPE = 5;

const CORNERS = [[-1, -1], [1, 1], [-1, 1], [1, -1]];
const SIDES = [[-1, 0], [1, 0], [0, -1], [0, 1]];
const BEYOND_CORNERS = [[-1, -3], [-1, 3], [1, -3], [1, 3], [-3, -1], [-3, 1], [3, -1], [3, 1]];
const BEYOND_SIDES = [[-1, -2], [-1, 2], [1, -2], [1, 2], [-2, -1], [-2, 1], [2, -1], [2, 1]];

const made = new Map();

/**
 * Lay out the passes of a plane.
 *
 * @returns {{order: Int32Array, passes: {type: number, first: number, stop: number,
 *   reached: ?Int32Array}[]}} order holds the raster index of each place; reached, REACHED places
 *   for each of the pass's own, or null where there are none.
 */
export function lattice(height, width, schedule) {
  const key = `${height} ${width} ${schedule}`;
  if (!made.has(key)) made.set(key, layOut(height, width, schedule));
  return made.get(key);
}

/** The taps of a type of pass, each as indices into what a place reaches. */
export function taps(type) {
  if (type === 0) return [];
  if (type === DIAGONAL_TYPE) return Array.from({ length: MOST_TAPS }, (_, k) => [k]);
  return [[0, 1], [2, 3], [4, 5, 6, 7, 8, 9, 10, 11]];
}

function layOut(height, width, schedule) {
  const numbers = new Int32Array(height * width);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      numbers[y * width + x] = schedule === DIAGONAL ? 2 * y + x : coarseToFine(y, x);
  const order = Int32Array.from(numbers.keys()).sort((a, b) => numbers[a] - numbers[b] || a - b);
  const place = new Int32Array(order.length);
  order.forEach((raster, index) => (place[raster] = index));
  const center = order.length;
  // The place of an element of an earlier pass, else -1.
  const at = (number, y, x) => {
    if (y < 0 || y >= height || x < 0 || x >= width || numbers[y * width + x] >= number) return -1;
    return place[y * width + x];
  };
  const passes = [];
  for (let first = 0, stop; first < order.length; first = stop) {
    const number = numbers[order[first]];
    for (stop = first; stop < order.length && numbers[order[stop]] === number; ) stop++;
    const type = schedule === DIAGONAL ? DIAGONAL_TYPE : number;
    let reached = null;
    if (type) {
      reached = new Int32Array(REACHED * (stop - first));
      for (let k = first; k < stop; k++) {
        const y = Math.floor(order[k] / width);
        const x = order[k] % width;
        const places = schedule === DIAGONAL
          ? diagonal((dy, dx) => at(number, y + dy, x + dx), y, center)
          : aroundOf(number, (py, px) => at(number, py, px), y, x, height, width, center);
        reached.set(places, REACHED * (k - first));
      }
    }
    passes.push({ type, first, stop, reached });
  }
  return { order, passes };
}

function coarseToFine(y, x) {
  if ((y + x) % 2) return 4;
  if (y % 2) return 3;
  if ((y + x) % 4) return 2;
  return y % 4 ? 1 : 0;
}

/** Neighbors at the same distance on all sides; at an edge, those opposite stand in. */
function aroundOf(number, at, y, x, height, width, center) {
  const reach = number <= 2 ? 2 : 1;
  const corners = number === 1 || number === 3;
  const near = (corners ? CORNERS : SIDES).map(([dy, dx]) => {
    let down = y + reach * dy;
    let right = x + reach * dx;
    if (down < 0 || down >= height) down = y - reach * dy;
    if (right < 0 || right >= width) right = x - reach * dx;
    const found = at(down, right);
    return found < 0 ? center : found;
  });
  const beyond = (corners ? BEYOND_CORNERS : BEYOND_SIDES).map(([dy, dx], index) => {
    const found = at(y + reach * dy, x + reach * dx);
    return found < 0 ? near[index % 4] : found;
  });
  return [...near, ...beyond];
}

/** Nine neighbors above and to the left; at an edge, the nearest other one stands in. */
function diagonal(at, y, center) {
  const or = (found, otherwise) => (found < 0 ? otherwise : found);
  const west = or(at(0, -1), or(at(-1, 0), center));
  const north = or(at(-1, 0), west);
  const northwest = or(at(-1, -1), y === 0 ? west : north);
  const northeast = or(at(-1, 1), north);
  const north2 = or(at(-2, 0), north);
  return [
    west, north, northwest, northeast,
    or(at(0, -2), west), north2, or(at(-2, -1), north2), or(at(-2, 1), north2),
    or(at(-1, -2), northwest),
  ];
}
