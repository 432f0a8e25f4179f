// What is chosen and what there is, for the modules that act on it.

import { rateAt } from "./rate.js";

export const state = {
  chosen: { mode: "split", view: "segmentation", strength: 0.65, codec: "cofeat", provider: "auto", threads: 0 },
  /** Where the slider of the rate stands, by mode. */
  rates: { split: 0, cloud: 0 },
  /** The worker, what the library's modules are given, and what the server says of its models. */
  device: null, constants: null, models: [], model: null,
  /** Of the encoder that is loaded. */
  precision: "fp32",
  /** Whether the server answers, frames can be made, and the device could go on alone. */
  online: true, ready: false, restReady: false,
  /** The last frame, for other views of it. */
  last: null,
};

/** Where the next frame runs: on the device while the server is gone, if that can be. */
export function modeNow() {
  const { chosen, online, restReady } = state;
  return online || chosen.mode === "mobile" || !restReady ? chosen.mode : "mobile";
}

/** Whether a frame can be made in the mode in which it would run. */
export function canRun() {
  return state.ready && (state.restReady || modeNow() !== "mobile");
}

/** What codes the next frame, with the slider at a place. */
export function rateNow(place) {
  const { chosen, model, constants } = state;
  return rateAt(place, modeNow(), chosen.codec, model, constants);
}
