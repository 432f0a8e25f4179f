// Drives engine.wasm, the library's own compiled loops of the codec `cofeat`; engine.py is its twin.

import { lattice } from "./lattice.js";
import { bitLength } from "./numbers.js";

const PAGE_BYTES = 1 << 16;
const LEAST_LANES = 8;
const MOST_LANES = 1 << 10;
const MOST_BLOCKS_OF_A_LIST = 32;
// Instead of a row, for raw fields.
const RAW = -1;
// The fields of `job` in engine.c, in their order; each is an int32.
const FIELDS = `
  decoding lanes words words_count bits bytes entries entries_count steps head
  told told_count fields widths
  places top left passes passes_count planes deviations prediction said filters
  zero_class scale surprise before
  first stop level expected usual symbols rows chosen activity`.trim().split(/\s+/);
const INDEX = Object.fromEntries(FIELDS.map((name, index) => [name, index]));
// Bytes of the rows' first weights at the head of `model` in engine.c.
const CHANNEL_ROW_BYTES = 4 * 64;
const CHANNEL_BYTES = 5 * CHANNEL_ROW_BYTES;
const ZERO_BYTES = 4 * 64 * 2;

/** An instance of the module, for one tensor after the other. */
export class Engine {
  /**
   * @param {BufferSource} module engine.wasm.
   * @param {Uint8Array} model what the module's `model` is to hold.
   */
  static async load(module, model) {
    const { instance } = await WebAssembly.instantiate(module, {});
    return new Engine(instance.exports, model);
  }

  constructor(exports, model) {
    this.exports = exports;
    this.model = model;
  }

  /** Get ready for another tensor; with tables, rows begin with their weights. */
  clear(fitted) {
    this.end = this.exports.__heap_base.value;
    const start = this.exports.model.value;
    this.bytes(start, this.model.length).set(this.model);
    if (fitted) {
      this.int32(start, fitted.channelRows.length).set(fitted.channelRows);
      this.int32(start + CHANNEL_BYTES, fitted.zeroRows.length).set(fitted.zeroRows);
      this.int32(start + CHANNEL_BYTES + ZERO_BYTES, fitted.valueRows.length).set(fitted.valueRows);
    }
    this.int32(this.exports.job.value, FIELDS.length).fill(0);
  }

  set(fields) {
    const job = this.int32(this.exports.job.value, FIELDS.length);
    for (const [name, value] of Object.entries(fields)) job[INDEX[name]] = value;
  }

  get(name) {
    return this.int32(this.exports.job.value, FIELDS.length)[INDEX[name]];
  }

  call(name) {
    const harm = this.exports[name]();
    if (harm) throw new Error(`the engine's ${name} failed: ${harm}`);
  }

  /** Where there is room for so many bytes, of any content; views are invalid then. */
  place(bytes) {
    const start = this.end;
    this.end += Math.ceil(bytes / 16) * 16;
    const missing = this.end - this.exports.memory.buffer.byteLength;
    if (missing > 0) this.exports.memory.grow(Math.ceil(missing / PAGE_BYTES));
    return start;
  }

  /** Copy an array into the memory, and return where it is. */
  put(array) {
    const start = this.place(array.byteLength);
    const from = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    this.bytes(start, array.byteLength).set(from);
    return start;
  }

  /** Room for so many bytes of 0. */
  zeros(bytes) {
    const start = this.place(bytes);
    this.bytes(start, bytes).fill(0);
    return start;
  }

  bytes(start, count) {
    return new Uint8Array(this.exports.memory.buffer, start, count);
  }

  int32(start, count) {
    return new Int32Array(this.exports.memory.buffer, start, count);
  }
}

/** Takes what is told of channels, then elements, and gives the payload; see engine_coder.py. */
export class EngineEncoder {
  /**
   * @param {Engine} engine
   * @param {number} lanes about how many.
   * @param {?object} fitted tables, or null.
   */
  constructor(engine, lanes, fitted) {
    this.engine = engine;
    const wanted = 1 << (bitLength(Math.max(lanes, 1)) - 1);
    this.lanes = Math.min(Math.max(wanted, LEAST_LANES), MOST_LANES);
    engine.clear(fitted);
    engine.set({ lanes: this.lanes });
    engine.call("begin");
    this.told = [];
    this.fields = [];
    this.widths = [];
    this.room = { entries: 0, steps: 0, bits: 0 };
  }

  /** Code symbols of one row. */
  listed(row, symbols) {
    this.told.push(row, symbols.length);
    this.fields.push(...symbols);
  }

  /** Code fields of 0 to 8 bits as they are. */
  raw(fields, widths) {
    this.told.push(RAW, fields.length);
    for (const field of fields) this.fields.push(field);
    for (const width of widths) this.widths.push(width);
  }

  /** Hand over what was kept, and make room for elements that are coded in passes. */
  tell(elements, passes) {
    const { engine } = this;
    const lists = [];
    for (let k = 0; k < this.told.length; k += 2)
      if (this.told[k] !== RAW) lists.push(this.told[k + 1]);
    const symbols = lists.reduce((sum, count) => sum + count, 0) + 2 * elements;
    const steps =
      Math.floor(symbols / LEAST_LANES) + MOST_BLOCKS_OF_A_LIST * lists.length + 2 * passes;
    const bits = this.widths.reduce((sum, width) => sum + width, 0) + 8 * elements;
    this.more("entries", 4 * symbols);
    this.more("steps", 4 * steps);
    // And a byte that is begun.
    this.more("bits", Math.floor(bits / 8) + 2);
    if (this.told.length) {
      engine.set({
        told: engine.put(Int32Array.from(this.told)),
        fields: engine.put(Uint8Array.from(this.fields)),
        widths: engine.put(Uint8Array.from(this.widths)),
        rows: engine.place(Math.max(0, ...lists)),
        told_count: this.told.length / 2,
      });
      engine.call("tell");
    }
    this.told = [];
    this.fields = [];
    this.widths = [];
  }

  /** Give an array of the module more room; what it holds moves along. */
  more(name, bytes) {
    if (!bytes) return;
    const { engine } = this;
    const size = this.room[name];
    const old = engine.get(name);
    const start = engine.place(size + bytes);
    engine.bytes(start, size).set(engine.bytes(old, size));
    engine.set({ [name]: start });
    this.room[name] += bytes;
  }

  /** Code all elements of the channels that are not all zero; see engine_walk.py. */
  walk(plan, [height, width], top, values, prediction) {
    const { engine } = this;
    const channels = plan.center.length;
    const places = height * width;
    const { passes } = lattice(height, width, plan.schedule);
    this.tell(channels * places, passes.length * (plan.bounds.length - 1));
    const packed = new Int32Array(4 * passes.length);
    passes.forEach((part, index) => {
      const reached = part.reached ? engine.put(part.reached) : 0;
      packed.set([part.type, part.first, part.stop, reached], 4 * index);
    });
    const mostChannels = Math.max(...plan.bounds.slice(1).map((stop, k) => stop - plan.bounds[k]));
    const mostPlaces = Math.max(...passes.map((part) => part.stop - part.first));
    const most = mostChannels * mostPlaces;
    const planes = new Int16Array(channels * (places + 1));
    for (let channel = 0; channel < channels; channel++) {
      const plane = values.subarray(channel * places, (channel + 1) * places);
      planes.set(plane, channel * (places + 1));
      planes[channel * (places + 1) + places] = plan.center[channel];
    }
    engine.set({
      places, top,
      left: channels * places,
      passes: engine.put(packed),
      passes_count: passes.length,
      planes: engine.put(planes),
      prediction: engine.put(prediction),
      deviations: engine.place(2 * channels * places),
      zero_class: engine.put(Uint8Array.from(plan.zeroClass)),
      scale: engine.put(Uint8Array.from(plan.scale)),
      surprise: engine.zeros(16 * (places + 1)),
      before: engine.place(16 * (places + 1)),
      level: engine.place(most),
      expected: engine.place(most),
      usual: engine.place(2 * most),
      symbols: engine.place(most),
      rows: engine.place(most),
      chosen: engine.place(4 * most + 4),
      activity: engine.place(4 * mostPlaces),
    });
    for (let k = 1; k < plan.bounds.length; k++) {
      if (plan.bounds[k - 1] === plan.bounds[k]) continue;
      engine.set({ first: plan.bounds[k - 1], stop: plan.bounds[k] });
      engine.call("walk");
    }
  }

  /** Return the payload: words, then raw bits backwards. */
  finish() {
    this.tell(0, 0);
    const { engine } = this;
    // A lane's state takes 4 bits and up to 31.
    engine.set({ head: engine.place(this.room.bits + 5 * this.lanes + 8) });
    engine.call("finish");
    const words = engine.bytes(engine.get("words"), 2 * engine.get("words_count"));
    const raw = engine.bytes(engine.get("head"), engine.get("bytes"));
    const payload = new Uint8Array(words.length + raw.length);
    payload.set(words);
    payload.set(raw.slice().reverse(), words.length);
    return payload;
  }
}

