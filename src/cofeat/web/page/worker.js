// The device's work, in a thread of its own so that the page stays awake:
// picture -> features -> integers -> bitstream, and for "on the device" the heads as well.

import { pack } from "./bitstream.js";
import { COFEAT_ID, COFEAT_LOSSY_ID, COFEAT_SETTING, encodeCofeat, encodeCofeatLossy } from "./cofeat.js";
import { Engine } from "./engine.js";
import { cropped, hasGpu, mostThreads, Runtime } from "./inference.js";
import { COFEAT_LEARNED_ID, encodeLearned, levelsOf } from "./learned.js";
import { tile } from "./mosaic.js";
import { encodePng, PNG_ID, PNG_SETTING } from "./png.js";
import { quantize } from "./quantizer.js";
import { readTables } from "./tables.js";

const state = {};

const tasks = {
  /** Load runtime and codec; say what runs the networks. */
  async start({ provider, threads }) {
    const found = provider === "auto" ? ((await hasGpu()) ? "webgpu" : "wasm") : provider;
    const used = threads || mostThreads();
    const load = async (name) => (await fetch(new URL(name, import.meta.url))).arrayBuffer();
    const [module, model, constants] = await Promise.all([
      load("engine.wasm"), load("engine_model.bin"), load("constants.json")]);
    state.constants = JSON.parse(new TextDecoder().decode(constants));
    state.engine = await Engine.load(module, new Uint8Array(model));
    state.runtime = await Runtime.load(found, used);
    return { provider: found, threads: found === "wasm" ? used : 1 };
  },

  /**
   * Take a model: what the server says of it, its encoder, and its tables or null; say whether those
   * are of `cofeat-learned`.
   */
  async model({ entry, encoder, tables }) {
    await release("encoder", "heads", "whole");
    state.entry = entry;
    state.encoder = encoder && (await state.runtime.session(encoder));
    state.tables = tables && (await readTables(new Uint8Array(tables)));
    return { learned: Boolean(state.tables?.learned) };
  },

  /** Take what "on the device" needs besides: the heads, or the whole network. */
  async rest({ part, bytes }) {
    await release("heads", "whole");
    state[part] = await state.runtime.session(bytes);
  },

  /** Turn a picture into a bitstream. */
  async encode({ picture, codec, setting }) {
    const { entry } = state;
    const clock = stopwatch();
    const features = await encoded(picture);
    clock("encode");
    const [, ...shape] = features.dims;
    const bits = codec === "png" ? setting : entry.bits;
    const quantized = quantize(features.data, shape[0], bits, entry.per_channel, entry.step);
    clock("quantize");
    const { shown, ...coded } = code(codec, setting, quantized, shape);
    const stream = pack({
      ...coded, quantized, shape,
      perChannel: entry.per_channel && !entry.step,
      imageSize: [picture.height, picture.width],
      modelId: entry.model_id,
    });
    clock("code");
    const values = shown ?? quantized.values;
    const range = entry.step ? rangeAround(values, 2 ** (bits - 1)) : { zero: 0, top: 2 ** bits - 1 };
    return { stream, mosaic: { ...tile(values, shape), bits, ...range }, shape, times: clock.times };
  },

  /** Run the whole network here. */
  async predict({ picture }) {
    const { runtime, heads, whole, entry } = state;
    const clock = stopwatch();
    let outputs;
    if (heads) {
      const features = await encoded(picture);
      clock("encode");
      outputs = await runtime.onFeatures(heads, features.data, features.dims);
    } else {
      outputs = await runtime.onPicture(whole, picture, entry.stride);
    }
    clock("heads");
    return { outputs: cropped(outputs, picture.width, picture.height), times: clock.times };
  },
};

async function encoded(picture) {
  const { features } = await state.runtime.onPicture(state.encoder, picture, state.entry.stride);
  return features;
}

/** What the mosaic shows of integers with a fixed zero, of which few come near the ends: their own range. */
function rangeAround(values, zero) {
  const reach = values.reduce((most, value) => Math.max(most, Math.abs(value - zero)), 1);
  return { zero, top: zero + reach };
}

/** Code integers; where others than these are sent, shown are those, with the same zero. */
function code(codec, setting, { values, bits }, shape) {
  const { engine, constants, tables, entry } = state;
  if (codec === "png")
    return {
      codec: PNG_ID,
      setting: PNG_SETTING,
      payload: encodePng(values, shape, bits, PNG_SETTING),
    };
  const tablesId = tables ? entry.tables_id : null;
  if (codec === "cofeat-learned") {
    const levels = levelsOf(constants, values, bits, setting);
    const payload = encodeLearned(constants, levels, shape, setting, tables);
    const shown = Uint16Array.from(levels, (level) => level + 2 ** (bits - 1));
    return { codec: COFEAT_LEARNED_ID, setting, tablesId, payload, shown };
  }
  if (codec === "cofeat") {
    const payload = encodeCofeat(engine, constants, values, shape, bits, tables);
    return { codec: COFEAT_ID, setting: COFEAT_SETTING, tablesId, payload };
  }
  const payload = encodeCofeatLossy(engine, constants, values, shape, bits, setting, tables);
  return { codec: COFEAT_LOSSY_ID, setting, tablesId, payload };
}

async function release(...names) {
  for (const name of names) {
    await state[name]?.release();
    state[name] = null;
  }
}

/** Milliseconds since the last call, by name. */
function stopwatch() {
  let last = performance.now();
  const times = {};
  const lap = (name) => {
    const now = performance.now();
    times[name] = now - last;
    last = now;
  };
  lap.times = times;
  return lap;
}

// One after the other: the engine and the sessions are for one picture at a time.
let queue = Promise.resolve();
self.onmessage = ({ data: { id, task, argument } }) => {
  queue = queue.then(async () => {
    try {
      self.postMessage({ id, result: await tasks[task](argument) });
    } catch (error) {
      self.postMessage({ id, error: String(error?.message ?? error) });
    }
  });
};
