// Files of tables that come with a model, whichever kind they hold; tables.py.

import { readFitted } from "./fitted.js";
import { readLearned } from "./learned.js";

const CRC_BYTES = 4;
/** The letters that a file begins with -> its version, the bytes before its body, and who reads it. */
const KINDS = { CFTB: [1, 14, readFitted], CFTL: [2, 13, readLearned] };

/** Read a file of tables, which came with a hash that the server's manifest names. */
export async function readTables(bytes) {
  const kind = KINDS[String.fromCharCode(...bytes.subarray(0, 4))];
  if (!kind || bytes[4] !== kind[0]) throw new Error("no tables of cofeat, or of another version");
  const [, headBytes, read] = kind;
  const body = new Blob([bytes.subarray(headBytes, -CRC_BYTES)]).stream();
  const inflated = body.pipeThrough(new DecompressionStream("deflate"));
  const raw = await new Response(inflated).arrayBuffer();
  let at = 0;
  const take = (Type, count) => {
    const stop = at + count * Type.BYTES_PER_ELEMENT;
    const array = new Type(raw.slice(at, stop));
    at = stop;
    return array;
  };
  return read(bytes.subarray(0, headBytes), take);
}
