// Brings the controls to what there is and what is in force.

import { mostThreads } from "./inference.js";
import { lastRate } from "./rate.js";
import { modeNow, rateNow, state } from "./state.js";
import { $, fill, showPrivacy } from "./view.js";

const SIZES = ["128x64", "256x128", "512x256"];
/** Across the picture that one sees, in its own pixels. */
const SHOWN_WIDTH = 1024;

/** Slider, privacy and settings of the mode in which the next frame runs. */
export function showMode() {
  const { chosen, rates, model, constants } = state;
  const mode = modeNow();
  const slider = $("rate");
  slider.disabled = mode === "mobile";
  if (mode !== "mobile") {
    slider.max = lastRate(mode, chosen.codec, model, constants);
    slider.value = rates[mode];
  }
  showRate();
  showPrivacy(mode, model);
  $("provider").closest("label").hidden = mode === "cloud";
}

/** Say what the slider of the rate means where it stands. */
export function showRate() {
  const told = modeNow() === "mobile"
    ? "Nothing is sent, so there is no rate."
    : rateNow(Number($("rate").value)).told;
  $("rate-told").textContent = told;
  $("rate").setAttribute("aria-valuetext", told);
}

/** Offer what the loaded model can do: modes, views, precisions of its encoder, sizes. */
export function offerModel(model, part) {
  const { files, tasks } = model;
  const parts = ["encoder", "encoder_int8"].filter((each) => files[each]);
  fill($("precision"), parts.map((each) => [each, each === "encoder" ? "float32" : "8-bit integers"]), part);
  const sizes = [...new Set([model.size, ...SIZES].filter(Boolean))];
  fill($("size"), sizes.map((size) => [size, size.replace("x", "×")]), sizes[0]);
  allow("split", Boolean(part && files.heads));
  allow("cloud", Boolean(files.whole));
  allow("mobile", Boolean((part && files.heads) || files.whole));
  for (const input of document.querySelectorAll("[name=view]"))
    input.closest("label").hidden = input.value !== "picture" && !tasks.includes(input.value);
}

/** Offer a mode or not; leave one that is not offered. */
function allow(mode, possible) {
  const input = document.querySelector(`[name=mode][value=${mode}]`);
  input.disabled = !possible;
  if (possible || state.chosen.mode !== mode) return;
  const other = document.querySelector("[name=mode]:not(:disabled)");
  other.checked = true;
  state.chosen.mode = other.value;
}

/** Give canvases a size, such as "256x128": that of the network, and a larger one to be seen. */
export function setSize(size, work, base) {
  [work.width, work.height] = size.split("x").map(Number);
  const shown = $("picture");
  shown.width = base.width = SHOWN_WIDTH;
  shown.height = base.height = Math.round((SHOWN_WIDTH * work.height) / work.width);
}

/** Name what the buttons of the source do now. */
export function showSource(source) {
  $("run").textContent = source.live ? ($("keep").checked ? "Pause" : "Go on") : "Run again";
  $("camera").setAttribute("aria-pressed", String(source.live));
}

/** Offer the models by name. */
export function offerModels(models) {
  fill($("model"), models.map((each, index) => [index, `${each.name}, version ${each.version}`]), 0);
}

/** Offer as many threads as can be had, and take them. */
export function offerThreads() {
  const threads = Array.from({ length: mostThreads() }, (_, k) => [k + 1, String(k + 1)]);
  fill($("threads"), threads, threads.length);
}

/**
 * Offer pictures of ours.
 *
 * @param {string[]} addresses
 * @param {(address: string) => void} act called when one is chosen.
 */
export function offerExamples(addresses, act) {
  const buttons = addresses.map((address, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "example";
    const image = document.createElement("img");
    image.src = address;
    image.alt = `Street scene ${index + 1}`;
    image.width = 96;
    image.height = 48;
    button.append(image);
    button.addEventListener("click", () => act(address));
    return button;
  });
  $("examples").replaceChildren(...buttons);
}
