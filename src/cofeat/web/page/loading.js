// The worker and the model that it runs.

import { offerModel } from "./controls.js";
import { Device } from "./device.js";
import { firstRate } from "./rate.js";
import { state } from "./state.js";
import { $ } from "./view.js";

/** Start a worker in the place of the one before it, and say what runs the networks. */
export async function startDevice() {
  const { provider, threads } = state.chosen;
  state.device?.close();
  state.device = new Device();
  const found = await state.device.do("start", { provider, threads });
  state.device.provider = found.provider;
  const told = [
    found.provider === "webgpu"
      ? "The networks run by WebGPU."
      : `The networks run by WebAssembly in ${found.threads} thread${found.threads > 1 ? "s" : ""}.`,
  ];
  if (!self.crossOriginIsolated) told.push("More threads need HTTPS.");
  if (!self.isSecureContext)
    told.push("Without HTTPS there is no camera, and nothing is kept for when the server is gone.");
  $("runtime").textContent = told.join(" ");
}

/**
 * Load what a model needs to be split.
 *
 * @param {object} model what the server says of it.
 * @param {?string} wanted part of the encoder, if it has that.
 * @param {object} network
 * @returns {Promise<?string>} the part that lets the device go on alone, or null.
 */
export async function loadModel(model, wanted, network) {
  const { files } = model;
  // In browsers float32 is the quicker one; that of bytes is a quarter to load.
  const parts = ["encoder", "encoder_int8"].filter((each) => files[each]);
  const part = parts.includes(wanted) ? wanted : parts[0];
  const [encoder, tables] = await Promise.all([
    part && network.file(files[part], "the encoder"),
    files.tables && network.file(files.tables, "the codec's tables"),
  ]);
  const found = await state.device.do("model", { entry: model, encoder: encoder ?? null, tables: tables ?? null });
  // Such tables are of the codec `cofeat-learned`, which then takes the place of `cofeat`.
  model.learned = found.learned;
  state.precision = part === "encoder_int8" ? "int8" : "fp32";
  for (const mode of ["split", "cloud"])
    state.rates[mode] = firstRate(mode, state.chosen.codec, model, state.constants);
  offerModel(model, part);
  return part && files.heads ? "heads" : files.whole ? "whole" : null;
}

/** Load what the device needs to go on alone. */
export async function loadRest(model, part, network) {
  await state.device.do("rest", { part, bytes: await network.file(model.files[part], "the heads") });
}
