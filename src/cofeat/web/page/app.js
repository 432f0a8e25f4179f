// The page: puts its parts together, and listens to who uses it.

import {
  offerExamples, offerModels, offerThreads, setSize, showMode, showRate, showSource,
} from "./controls.js";
import { JPEG_QUALITY, runFrame } from "./frame.js";
import { loadModel, loadRest, startDevice } from "./loading.js";
import { Loop } from "./loop.js";
import { LinkError, Network, TokenError } from "./network.js";
import { firstRate } from "./rate.js";
import { cameraProblem, Source } from "./source.js";
import { canRun, modeNow, rateNow, state } from "./state.js";
import {
  $, showCurve, showFrame, showPicture, showRequests, tellLink, tellNote,
} from "./view.js";

const BASE = new URL(".", import.meta.url);
const EXAMPLES = ["street1", "street2", "street3", "street4"].map(
  (name) => new URL(`examples/${name}.jpg`, BASE).href);
const PROBE_MS = 3000;

const { chosen } = state;
const source = new Source($("video"), () => {
  stop();
  note("The camera is gone. Choose it again, or a file.", true, false);
});
const network = new Network(() => showRequests(network.entries));
/** The picture as the network takes it, and as it is shown below the outputs. */
const work = document.createElement("canvas");
const base = document.createElement("canvas");
const loop = new Loop(frame, (error) => failed(error, true), () =>
  canRun() && source.picture && $("keep").checked && !(document.hidden && source.live));
/** Ends when the last change of worker or model has been made; and how many there were. */
let changing = Promise.resolve();
let changes = 0;
/** Whether a model is not there, or not all of it. */
let loading = true;
/** Whether the note on the page is of a frame, or of what goes on until there is one. */
let passing = false;
let probing = false;

// ---- frames

function run() {
  if (canRun() && source.picture) loop.run();
}

/** Run where pictures are wanted by themselves: a camera that is paused stays so. */
function resume() {
  loop.forget();
  if (!source.live || $("keep").checked) run();
}

/** Run as from now, in another way than before. */
function runAnew() {
  loop.forget();
  run();
}

async function frame() {
  if (!canRun()) return;
  const { model, device } = state;
  const begun = changes;
  const mode = modeNow();
  const started = performance.now();
  const picture = source.draw(work).getImageData(0, 0, work.width, work.height);
  source.draw(base);
  const read = performance.now() - started;
  const rate = rateNow(Number($("rate").value));
  const made = await runFrame({ mode, rate, model, canvas: work, picture }, device, network).catch((error) => {
    if (changes === begun) throw error;
  });
  // Worker or model were changed under it: what came of it is of no use.
  if (changes !== begun) return;
  state.last = made;
  const drawing = performance.now();
  show();
  Object.assign(made.times, { read, draw: performance.now() - drawing });
  if (passing) tellNote("");
  loop.ended();
  showFrame(made, $("keep").checked ? loop.framesPerSecond : 0, JPEG_QUALITY);
  document.body.dataset.frames = String(Number(document.body.dataset.frames ?? 0) + 1);
  document.body.dataset.mode = mode;
}

/** Say what went wrong, with a frame or with what somebody did, and stop where all would fare so. */
function failed(error, ofFrame = false) {
  if (error instanceof LinkError) {
    setOnline(false);
    // The same picture once more, on the device.
    if (modeNow() === "mobile") run();
    else note("The server cannot be reached, and this device has no network to run alone.", true, true);
  } else if (error instanceof TokenError) {
    stop();
    askToken();
  } else {
    if (ofFrame) stop();
    note(error.message, true, ofFrame);
  }
}

function stop() {
  $("keep").checked = false;
  showSource(source);
}

/** Say something until a frame is shown, if it is passing, or until something else is said. */
function note(text, isProblem, isPassing) {
  passing = isPassing;
  tellNote(text, isProblem);
}

/** Show the last frame as it is wished to be seen. */
function show() {
  const { last, model, constants, precision } = state;
  if (!last) return;
  showPicture(base, last.outputs, chosen.view, chosen.strength, constants);
  showCurve(model, chosen.view, precision, last);
}

// ---- the server

function setOnline(online) {
  const changed = state.online !== online;
  state.online = online;
  tellLink(online ? "online" : state.restReady ? "offline" : "alone");
  if (!changed) return;
  // A model that was being loaded when the server went.
  if (online && loading) inTurn(() => takeModel(state.model, $("precision").value)).catch(failed);
  showMode();
  resume();
}

/** Ask the server now and then whether it is there, from now on. */
function keepProbing() {
  if (!probing) probe();
  probing = true;
}

async function probe() {
  if (!document.hidden) setOnline(await network.ready());
  setTimeout(probe, PROBE_MS);
}

function askToken() {
  $("token-form").hidden = false;
  $("token").focus();
  note(network.token ? "This is no token of the server." : "This server wants a token.", true, false);
}

// ---- loading

async function load() {
  try {
    state.constants ??= await constants();
    state.models = await network.models();
    $("token-form").hidden = true;
    offerModels(state.models);
    await inTurn(async () => {
      await startDevice();
      await example(EXAMPLES[0]);
      await firstModel();
    });
  } catch (error) {
    if (!(error instanceof LinkError)) return failed(error);
    note("The server cannot be reached, and not all of it is kept here yet.", true, true);
    tellLink("alone");
    return void setTimeout(load, PROBE_MS);
  }
  keepProbing();
}

/** Go on with a token: with what was not loaded for want of one, or with the pictures. */
async function goOn() {
  if (!state.model) return load();
  $("token-form").hidden = true;
  tellNote("");
  keepProbing();
  if (loading) await inTurn(() => takeModel(state.model, $("precision").value));
  else runAnew();
}

async function constants() {
  try {
    return await (await fetch(new URL("constants.json", BASE))).json();
  } catch {
    throw new LinkError("the server cannot be reached");
  }
}

/** Take the first model; where WebGPU cannot run it after all, by WebAssembly. */
async function firstModel() {
  try {
    await takeModel(state.models[0]);
  } catch (error) {
    if (state.device.provider !== "webgpu" || chosen.provider !== "auto") throw error;
    chosen.provider = $("provider").value = "wasm";
    await startDevice();
    await takeModel(state.models[0]);
  }
}

async function takeModel(model, part) {
  loading = true;
  state.ready = state.restReady = false;
  delete document.body.dataset.rest;
  state.model = model;
  note("Loading the networks …", false, true);
  const rest = await loadModel(model, part, network);
  setSize($("size").value, work, base);
  state.ready = true;
  showMode();
  run();
  if (rest) {
    await loadRest(model, rest, network);
    state.restReady = true;
    document.body.dataset.rest = "ready";
  }
  loading = false;
  if (modeNow() === "mobile") run();
}

/** Change worker or model, one change after the other. */
function inTurn(change) {
  changing = changing.catch(() => {}).then(() => {
    changes++;
    return change();
  });
  return changing;
}

async function example(address) {
  const blob = await fetch(address).then((answer) => answer.blob()).catch(() => {
    throw new LinkError("the server cannot be reached");
  });
  await source.still(blob);
  showSource(source);
}

// ---- who uses it

function on(id, kind, act) {
  $(id).addEventListener(kind, (event) => Promise.resolve(act(event)).catch(failed));
}

/** Listen to a group of radio buttons. */
function onChoice(name, act) {
  for (const input of document.querySelectorAll(`[name=${name}]`))
    input.addEventListener("change", () => {
      chosen[name] = input.value;
      act();
    });
}

function listen() {
  onChoice("view", show);
  onChoice("mode", () => {
    showMode();
    runAnew();
  });
  on("strength", "input", ({ target }) => {
    chosen.strength = target.value / 100;
    show();
  });
  on("rate", "input", ({ target }) => {
    state.rates[modeNow()] = Number(target.value);
    showRate();
    run();
  });
  on("camera", "click", async () => {
    const problem = cameraProblem();
    $("camera-told").textContent = problem;
    $("camera-told").hidden = !problem;
    if (problem) return;
    await source.camera();
    $("keep").checked = true;
    showSource(source);
    runAnew();
  });
  on("file", "change", async ({ target }) => {
    if (!target.files.length) return;
    await source.still(target.files[0]);
    showSource(source);
    run();
  });
  on("run", "click", () => {
    if (source.live) $("keep").checked = !$("keep").checked;
    showSource(source);
    runAnew();
  });
  on("keep", "change", () => {
    showSource(source);
    runAnew();
  });
  on("model", "change", ({ target }) => inTurn(() => takeModel(state.models[target.value])));
  on("precision", "change", ({ target }) => inTurn(() => takeModel(state.model, target.value)));
  on("size", "change", ({ target }) => {
    setSize(target.value, work, base);
    run();
  });
  on("codec", "change", ({ target }) => {
    chosen.codec = target.value;
    state.rates.split = firstRate("split", chosen.codec, state.model, state.constants);
    showMode();
    run();
  });
  for (const id of ["provider", "threads"])
    on(id, "change", ({ target }) => {
      chosen[id] = id === "threads" ? Number(target.value) : target.value;
      return inTurn(async () => {
        state.ready = false;
        await startDevice();
        await takeModel(state.model, $("precision").value);
      });
    });
  on("token-form", "submit", async (event) => {
    event.preventDefault();
    network.setToken($("token").value);
    await goOn();
  });
  document.addEventListener("visibilitychange", () => !document.hidden && resume());
}

// ---- beginning

if ("serviceWorker" in navigator)
  navigator.serviceWorker.register("service_worker.js").then(
    () => navigator.serviceWorker.ready.then(() => (document.body.dataset.kept = "ready")),
    // A certificate that nobody vouches for: the page works, but is not kept.
    () => (document.body.dataset.kept = "refused"),
  );
offerThreads();
offerExamples(EXAMPLES, (address) => example(address).then(run).catch(failed));
listen();
await load();
