// What the slider of the rate means: a step of the codec, bits, or a JPEG's quality.

import { clip } from "./numbers.js";

const MOST_SETTING = 20;
/** Of `cofeat-learned`: steps of 8 integers and more; networks are trained for 16 first. */
const LEAST_LEARNED = 12;
const USUAL_LEARNED = 16;
const JPEG_BEST = 95;
const JPEG_STEP = 4;
const JPEG_STEPS = 20;

/** Settings of `cofeat-lossy` whose step is coarser than one level of so many bits. */
function coarser(constants, bits) {
  if (bits > 8) return [];
  const one = 16 << (8 - bits);
  return [...constants.steps.keys()].filter((k) => k <= MOST_SETTING && constants.steps[k] > one);
}

/** The slider's last place; its first costs the most bytes. */
export function lastRate(mode, codec, model, constants) {
  if (mode === "cloud") return JPEG_STEPS;
  // A model of a fixed step has no other number of bits.
  if (codec === "png") return model.step ? 0 : model.bits - 1;
  if (model.learned) return constants.learned_steps.length - 1 - LEAST_LEARNED;
  return coarser(constants, model.bits).length;
}

/**
 * What a place of the slider means.
 *
 * @returns {{codec: string, setting: number, name: string, told: string}} name is the codec's as the
 *   library's commands write it, told a sentence.
 */
export function rateAt(place, mode, codec, model, constants) {
  if (mode === "cloud") {
    const setting = JPEG_BEST - JPEG_STEP * place;
    return { codec: "jpeg", setting, name: `jpeg:${setting}`, told: `JPEG of quality ${setting}` };
  }
  if (codec === "png") {
    const setting = model.bits - place;
    return { codec, setting, name: "png", told: `PNG of ${setting}-bit integers` };
  }
  if (model.learned) {
    const setting = LEAST_LEARNED + place;
    const told = toldSteps(constants.learned_steps[setting] / 16, model);
    return { codec: "cofeat-learned", setting, name: `cofeat-learned:${setting}`, told };
  }
  const settings = coarser(constants, model.bits);
  if (!place || !settings.length)
    return { codec: "cofeat", setting: 0, name: "cofeat", told: "Lossless: every integer as it is" };
  const setting = settings[Math.min(place, settings.length) - 1];
  const step = constants.steps[setting] / (16 << (8 - model.bits));
  return {
    codec: "cofeat-lossy", setting, name: `cofeat-lossy:${setting}`, told: toldSteps(step, model),
  };
}

function toldSteps(step, { bits }) {
  return `Steps of ${step.toFixed(step < 10 ? 1 : 0)} of ${2 ** bits} levels`;
}

/** Where the slider begins: the bundle's choice, or steps of four levels, which tasks hardly notice. */
export function firstRate(mode, codec, model, constants) {
  if (mode === "cloud") return 5;
  if (codec === "png") return 0;
  if (model.learned) {
    const [, setting = USUAL_LEARNED] = /^cofeat-learned:(\d+)$/.exec(model.codec) ?? [];
    return clip(setting - LEAST_LEARNED, 0, lastRate(mode, codec, model, constants));
  }
  const settings = coarser(constants, model.bits);
  return Math.max(0, settings.indexOf(8) + 1);
}
