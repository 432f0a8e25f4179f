// The page: what is chosen, and the loop over pictures.

import { Device } from "./device.js";
import { mostThreads } from "./inference.js";
import { LinkError, Network, TokenError } from "./network.js";
import { firstRate, lastRate, rateAt } from "./rate.js";
import { cameraProblem, Source } from "./source.js";
import {
  $, fill, showCurve, showFrame, showPicture, showPrivacy, showRequests, tellLink, tellNote,
} from "./view.js";

const BASE = new URL(".", import.meta.url);
const EXAMPLES = ["street1", "street2", "street3", "street4"];
const SIZES = ["128x64", "256x128", "512x256"];
const PROBE_MS = 3000;
/** Of the JPEG that bytes are compared with. */
const JPEG_QUALITY = 75;
const FPS_FRAMES = 10;

const chosen = {
  mode: "split", view: "segmentation", strength: 0.65, codec: "cofeat", provider: "auto", threads: 0,
};
const rates = { split: 0, cloud: 0 };
const source = new Source($("video"));
const network = new Network(() => showRequests(network.entries));
const work = document.createElement("canvas");
const base = document.createElement("canvas");
const ends = [];
let device, constants, models, model, online = true, ready = false, restReady = false, last = null;
let busy = false, again = false;

/** Where the next frame runs: on the device while the server is gone, if that can be. */
function modeNow() {
  return online || chosen.mode === "mobile" || !restReady ? chosen.mode : "mobile";
}

// ---- frames

async function run() {
  if (!ready || !source.picture) return;
  again = true;
  if (busy) return;
  setBusy(true);
  while (again) {
    again = false;
    await frame().catch(failed);
    again ||= source.picture && $("keep").checked && !(document.hidden && source.live);
    await new Promise(requestAnimationFrame);
  }
  setBusy(false);
}

function setBusy(state) {
  busy = state;
  document.body.dataset.busy = state ? "yes" : "no";
}

async function frame() {
  const mode = modeNow();
  const times = {};
  const started = performance.now();
  const context = source.draw(work);
  const picture = context.getImageData(0, 0, work.width, work.height);
  source.draw(base);
  times.read = performance.now() - started;
  const made = { mode, times, size: [work.width, work.height], sentBytes: 0 };
  const jpeg = await jpegOf(work, JPEG_QUALITY);
  made.jpegBytes = jpeg.length;
  if (mode === "mobile") await onDevice(made, picture);
  else if (mode === "split") await bySplit(made, picture);
  else await inCloud(made);
  last = made;
  const drawing = performance.now();
  show();
  times.draw = performance.now() - drawing;
  tellNote("");
  ends.push(performance.now());
  if (ends.length > FPS_FRAMES) ends.shift();
  showFrame(made, framesPerSecond(), JPEG_QUALITY);
  document.body.dataset.frames = String(Number(document.body.dataset.frames ?? 0) + 1);
  document.body.dataset.mode = mode;
}

async function onDevice(made, picture) {
  const { outputs, times } = await device.do("predict", { picture });
  Object.assign(made.times, times);
  made.outputs = outputs;
}

async function bySplit(made, picture) {
  const { codec, setting, name } = rate();
  const { stream, mosaic, shape, times } = await device.do("encode", { picture, codec, setting });
  Object.assign(made, { mosaic, shape, codecName: name });
  Object.assign(made.times, times);
  await send(made, "bitstream", stream, "features, no pixels");
}

async function inCloud(made) {
  const { setting } = rate();
  const started = performance.now();
  const jpeg = await jpegOf(work, setting);
  made.times.code = performance.now() - started;
  await send(made, "image", jpeg, "the picture, as a JPEG");
}

async function send(made, kind, bytes, what) {
  const started = performance.now();
  const { outputs, cloudMs } = await network.infer(model, kind, bytes, what);
  const took = performance.now() - started;
  Object.assign(made.times, { link: Math.max(0, took - cloudMs), cloud: cloudMs });
  Object.assign(made, { outputs, sentBytes: bytes.length });
}

async function jpegOf(canvas, quality) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality / 100));
  return new Uint8Array(await blob.arrayBuffer());
}

function framesPerSecond() {
  if (ends.length < 2 || !$("keep").checked) return 0;
  return (1000 * (ends.length - 1)) / (ends.at(-1) - ends[0]);
}

function failed(error) {
  if (error instanceof LinkError) {
    setOnline(false);
    // The same picture once more, on the device.
    if (modeNow() === "mobile") again = true;
    else tellNote("The server cannot be reached, and this device has no network to run alone.", true);
  } else if (error instanceof TokenError) {
    askToken();
  } else {
    tellNote(error.message, true);
    $("keep").checked = false;
  }
}

// ---- the link

function setOnline(state) {
  const changed = online !== state;
  online = state;
  tellLink(online ? "online" : restReady ? "offline" : "alone");
  if (changed) {
    ends.length = 0;
    showMode();
    run();
  }
}

async function probe() {
  if (!document.hidden) setOnline(await network.ready());
  setTimeout(probe, PROBE_MS);
}

function askToken() {
  $("token-form").hidden = false;
  $("token").focus();
  tellNote(network.token ? "This is no token of the server." : "This server wants a token.", true);
}

// ---- what is chosen

function rate() {
  return rateAt(Number($("rate").value), modeNow(), chosen.codec, model, constants);
}

function show() {
  if (!last) return;
  showPicture(base, last.outputs, chosen.view, chosen.strength, constants);
  const bpp = last.mode === "split" ? (8 * last.sentBytes) / (last.size[0] * last.size[1]) : 0;
  showCurve(model, chosen.view, last.mode === "split" ? last.codecName : "", bpp);
}

/** Bring the controls to the mode that is in force. */
function showMode() {
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

function showRate() {
  const mode = modeNow();
  const told = mode === "mobile" ? "Nothing is sent, so there is no rate." : rate().told;
  $("rate-told").textContent = told;
  $("rate").setAttribute("aria-valuetext", told);
}

function setSize(size) {
  [work.width, work.height] = size.split("x").map(Number);
  const canvas = $("picture");
  canvas.width = base.width = 1024;
  canvas.height = base.height = Math.round((1024 * work.height) / work.width);
}

async function setModel(next, precision) {
  ready = restReady = false;
  model = next;
  tellNote("Loading the networks …");
  const { files } = model;
  // In browsers float32 is the quicker one; that of bytes is a quarter to load.
  const encoders = ["encoder", "encoder_int8"].filter((part) => files[part]);
  const part = encoders.includes(precision) ? precision : encoders[0];
  fill($("precision"), encoders.map((each) => [each, each === "encoder" ? "float32" : "8-bit integers"]), part);
  const sizes = [...new Set([model.size, ...SIZES].filter(Boolean))];
  fill($("size"), sizes.map((size) => [size, size.replace("x", "×")]), sizes[0]);
  setSize(sizes[0]);
  const [encoder, tables] = await Promise.all([
    part && network.file(files[part], "the encoder"),
    files.tables && network.file(files.tables, "the codec's tables"),
  ]);
  const found = await device.do("model", { entry: model, encoder: encoder ?? null, tables: tables ?? null });
  // Such tables are of the codec `cofeat-learned`, which then takes the place of `cofeat`.
  model.learned = found.learned;
  for (const mode of ["split", "cloud"]) rates[mode] = firstRate(mode, chosen.codec, model, constants);
  allow("split", Boolean(part && files.heads));
  allow("cloud", Boolean(files.whole));
  const rest = part && files.heads ? "heads" : files.whole ? "whole" : null;
  allow("mobile", Boolean(rest));
  for (const input of document.querySelectorAll("[name=view]"))
    input.closest("label").hidden = input.value !== "picture" && !model.tasks.includes(input.value);
  ready = true;
  showMode();
  run();
  if (rest) {
    await device.do("rest", { part: rest, bytes: await network.file(files[rest], "the heads") });
    restReady = true;
    document.body.dataset.rest = "ready";
    if (chosen.mode === "mobile" || !online) run();
  }
}

/** Offer a mode or not; leave one that is not offered. */
function allow(mode, possible) {
  const input = document.querySelector(`[name=mode][value=${mode}]`);
  input.disabled = !possible;
  if (!possible && chosen.mode === mode) {
    const other = document.querySelector("[name=mode]:not(:disabled)");
    other.checked = true;
    chosen.mode = other.value;
  }
}

async function startDevice() {
  device?.close();
  device = new Device();
  const { provider, threads } = chosen;
  const found = await device.do("start", { provider, threads });
  device.provider = found.provider;
  $("runtime").textContent = found.provider === "webgpu"
    ? "The networks run by WebGPU."
    : `The networks run by WebAssembly in ${found.threads} thread${found.threads > 1 ? "s" : ""}.`;
  if (!self.crossOriginIsolated)
    $("runtime").textContent += " More threads need HTTPS.";
  if (!self.isSecureContext)
    $("runtime").textContent += " Without HTTPS there is no camera, and nothing is kept for when the server is gone.";
}

// ---- beginning

async function load() {
  try {
    constants ??= await (await fetch(new URL("constants.json", BASE))).json();
    models = await network.models();
  } catch (error) {
    if (error instanceof TokenError) return askToken();
    tellNote("The server cannot be reached, and nothing of it is kept here yet.", true);
    tellLink("alone");
    return void setTimeout(load, PROBE_MS);
  }
  $("token-form").hidden = true;
  const named = models.map((each, index) => [index, `${each.name}, version ${each.version}`]);
  fill($("model"), named, 0);
  try {
    await startDevice();
    await example(EXAMPLES[0]);
    await firstModel();
    probe();
  } catch (error) {
    failed(error);
  }
}

/** Load the first model; where WebGPU cannot run it after all, by WebAssembly. */
async function firstModel() {
  try {
    await setModel(models[0]);
  } catch (error) {
    if (device.provider !== "webgpu" || chosen.provider !== "auto") throw error;
    chosen.provider = $("provider").value = "wasm";
    await startDevice();
    await setModel(models[0]);
  }
}

async function example(name) {
  await source.still(await (await fetch(new URL(`examples/${name}.jpg`, BASE))).blob());
  showSource();
}

function showSource() {
  $("run").textContent = source.live ? ($("keep").checked ? "Pause" : "Go on") : "Run again";
  $("camera").setAttribute("aria-pressed", String(source.live));
}

function on(id, kind, act) {
  $(id).addEventListener(kind, (event) => Promise.resolve(act(event)).catch(failed));
}

function listen() {
  for (const input of document.querySelectorAll("[name=view]"))
    input.addEventListener("change", () => {
      chosen.view = input.value;
      show();
    });
  for (const input of document.querySelectorAll("[name=mode]"))
    input.addEventListener("change", () => {
      chosen.mode = input.value;
      ends.length = 0;
      showMode();
      run();
    });
  on("strength", "input", ({ target }) => {
    chosen.strength = target.value / 100;
    show();
  });
  on("rate", "input", ({ target }) => {
    rates[modeNow()] = Number(target.value);
    showRate();
    run();
  });
  on("camera", "click", async () => {
    $("camera-told").textContent = cameraProblem();
    $("camera-told").hidden = !cameraProblem();
    if (cameraProblem()) return;
    await source.camera();
    $("keep").checked = true;
    ends.length = 0;
    showSource();
    run();
  });
  on("file", "change", async ({ target }) => {
    if (!target.files.length) return;
    await source.still(target.files[0]);
    showSource();
    run();
  });
  on("run", "click", () => {
    if (source.live) $("keep").checked = !$("keep").checked;
    ends.length = 0;
    showSource();
    run();
  });
  on("keep", "change", () => {
    ends.length = 0;
    showSource();
    run();
  });
  on("model", "change", ({ target }) => setModel(models[target.value]));
  on("precision", "change", ({ target }) => setModel(model, target.value));
  on("size", "change", ({ target }) => {
    setSize(target.value);
    run();
  });
  on("codec", "change", ({ target }) => {
    chosen.codec = target.value;
    rates.split = firstRate("split", chosen.codec, model, constants);
    showMode();
    run();
  });
  for (const id of ["provider", "threads"])
    on(id, "change", async ({ target }) => {
      chosen[id] = id === "threads" ? Number(target.value) : target.value;
      ready = false;
      await startDevice();
      await setModel(model, $("precision").value);
    });
  on("token-form", "submit", async (event) => {
    event.preventDefault();
    network.setToken($("token").value);
    await load();
  });
  document.addEventListener("visibilitychange", () => !document.hidden && run());
}

function offerExamples() {
  const buttons = EXAMPLES.map((name, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "example";
    const image = document.createElement("img");
    image.src = new URL(`examples/${name}.jpg`, BASE).href;
    image.alt = `Street scene ${index + 1}`;
    image.width = 96;
    image.height = 48;
    button.append(image);
    button.addEventListener("click", () => example(name).then(run).catch(failed));
    return button;
  });
  $("examples").replaceChildren(...buttons);
  const threads = Array.from({ length: mostThreads() }, (_, k) => [k + 1, String(k + 1)]);
  fill($("threads"), threads, threads.length);
}

if ("serviceWorker" in navigator)
  navigator.serviceWorker.register("service_worker.js").then(
    () => navigator.serviceWorker.ready.then(() => (document.body.dataset.kept = "ready")),
    // A certificate that nobody vouches for: the page works, but is not kept.
    () => (document.body.dataset.kept = "refused"),
  );
offerExamples();
listen();
await load();
