// What the page tells of a frame: numbers, stages, mosaic, curve, requests.

import { drawCurve, MEASURES, pointsOf } from "./chart.js";
import { classesOf, compose, drawn, drawnMosaic } from "./draw.js";

export const $ = (id) => document.getElementById(id);
const STAGES = {
  read: "Read", encode: "Encode", quantize: "Quantize", code: "Code",
  link: "Link", cloud: "Server", heads: "Heads", draw: "Draw",
};
const MOST_ROWS = 12;
/** What a mode sends, as the manifest's points name it. */
const SENT = { split: "features", cloud: "picture" };
const VIEWS = { segmentation: "Segmentation", disparity: "Disparity", reconstruction: "Reconstruction" };
const LINKS = {
  starting: "Starting", online: "Server reached", offline: "Server lost: running on this device",
  alone: "Server lost",
};

export const bytes = (count) => Math.round(count).toLocaleString("en-US");

/** Say how things stand; screen readers are told when it changes. */
export function tellLink(state) {
  const pill = $("link");
  if (pill.dataset.state === state) return;
  pill.dataset.state = state;
  pill.textContent = LINKS[state];
}

/** Say something over the picture, or nothing. */
export function tellNote(text, isProblem = false) {
  const note = $("note");
  note.hidden = !text;
  note.textContent = text;
  note.classList.toggle("problem", isProblem);
}

/** Draw the picture with the output that is chosen over it. */
export function showPicture(base, outputs, view, strength, constants) {
  const output = outputs?.[view];
  const over = output ? drawn(view, output, constants) : null;
  compose($("picture"), base, over, view === "reconstruction" ? 1 : strength, view !== "segmentation");
  $("picture").setAttribute("aria-label", over ? `${VIEWS[view]} over the picture` : "The picture");
  showLegend(view, output, constants);
}

function showLegend(view, output, constants) {
  const entries = [];
  if (output && view === "segmentation") {
    for (const { name, color, share } of classesOf(output, constants)) {
      const entry = document.createElement("span");
      const swatch = document.createElement("i");
      swatch.style.background = `rgb(${color})`;
      entry.append(swatch, `${name} ${Math.round(100 * share)} %`);
      entries.push(entry);
    }
  } else if (output && view === "disparity") {
    const ramp = document.createElement("i");
    ramp.className = "ramp";
    const colors = constants.disparity_colors.filter((_, k) => k % 32 === 0);
    ramp.style.background = `linear-gradient(to right, ${colors.map((c) => `rgb(${c})`)})`;
    entries.push("far", ramp, "near");
  } else if (output) {
    entries.push("The picture as the network makes it again from the features");
  }
  $("legend").replaceChildren(...entries);
}

/** Show the numbers of a frame. */
export function showFrame(frame, fps, jpegQuality) {
  $("sent").textContent = bytes(frame.sentBytes);
  $("jpeg").textContent = bytes(frame.jpegBytes);
  $("fps").textContent = fps ? fps.toFixed(1) : "–";
  const ratio = frame.sentBytes / frame.jpegBytes;
  $("compared").textContent = frame.mode === "mobile"
    ? "Nothing leaves this device."
    : `${(100 * ratio).toFixed(0)} % of a JPEG of the same ${frame.size.join("×")} pixels at quality ${jpegQuality}, ` +
      `${bppOf(frame).toFixed(2)} bits per pixel.`;
  showStages(frame.times);
  showMosaic(frame);
}

function bppOf({ sentBytes, size: [width, height] }) {
  return (8 * sentBytes) / (width * height);
}

function showStages(times) {
  const entries = Object.entries(STAGES).filter(([key]) => times[key] !== undefined);
  const total = entries.reduce((sum, [key]) => sum + times[key], 0);
  const bars = $("stages");
  const told = $("times");
  bars.replaceChildren();
  told.replaceChildren();
  for (const [key, name] of entries) {
    const bar = document.createElement("div");
    bar.className = `stage-${key}`;
    bar.style.flexGrow = String(times[key] / total);
    bars.append(bar);
    const pair = document.createElement("div");
    const term = document.createElement("dt");
    const swatch = document.createElement("i");
    swatch.className = `stage-${key}`;
    term.append(swatch, name);
    const value = document.createElement("dd");
    value.textContent = `${times[key].toFixed(1)} ms`;
    pair.append(term, value);
    told.append(pair);
  }
  const words = entries.map(([key, name]) => `${name} ${times[key].toFixed(1)} ms`);
  bars.setAttribute("aria-label", `${words.join(", ")}; together ${total.toFixed(0)} ms`);
}

function showMosaic({ mosaic, shape, mode, codecName }) {
  const canvas = $("mosaic");
  canvas.hidden = !mosaic;
  if (!mosaic) {
    $("mosaic-told").textContent = mode === "cloud"
      ? "In the cloud mode the picture itself is sent."
      : "On the device nothing is sent.";
    return;
  }
  const picture = drawnMosaic(mosaic);
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d").drawImage(picture, 0, 0);
  const [channels, height, width] = shape;
  const told = `${channels} channels of ${width}×${height} integers of ${mosaic.bits} bits, coded by ${codecName}.`;
  $("mosaic-told").textContent = told;
  canvas.setAttribute("aria-label", told);
}

/** Show where a frame stands on the model's measured curve. */
export function showCurve(model, view, precision, frame) {
  const task = MEASURES[view] && model.tasks.includes(view) ? view : model.tasks.find((t) => MEASURES[t]);
  const points = task ? pointsOf(model, task, precision) : [];
  $("curve-part").hidden = points.length < 2;
  if (points.length < 2) return;
  const sent = SENT[frame.mode] && { sent: SENT[frame.mode], codec: frame.codecName, bpp: bppOf(frame) };
  const stand = model.stand_in ? " The data are generated street scenes, which stand in for real ones." : "";
  $("curve-told").textContent = drawCurve($("curve"), points, task, sent) + stand;
}

/** Say, honestly, what the server learns. */
export function showPrivacy(mode, model) {
  const sees = model.tasks.includes("reconstruction");
  const split = sees
    ? "No pixels are sent, only features of the picture. That is no secrecy: this model has a head " +
      "that makes the picture again from its features, so whoever runs the server can see the scene. " +
      "The view “Reconstruction” shows what they can see."
    : "No pixels are sent, only features of the picture. This model has no head that makes a picture of " +
      "them, so by design the server is given none. That is less than a proof of privacy: who has many " +
      "features and their pictures may train such a head.";
  $("privacy").textContent = {
    split,
    cloud: "The picture itself is sent as a JPEG, and the server sees all of it.",
    mobile: "Nothing is sent: pictures and outputs stay in this browser.",
  }[mode];
}

/** Show the requests, the newest first. */
export function showRequests(entries) {
  const rows = entries.slice(0, MOST_ROWS).map((entry) => {
    const row = document.createElement("tr");
    const cells = [
      entry.at.toLocaleTimeString([], { hour12: false }), entry.what, `${entry.method} ${shortened(entry.path)}`,
      entry.sentBytes ? `${bytes(entry.sentBytes)} bytes` : "–", entry.status, entry.ms.toFixed(0),
    ];
    cells.forEach((content, index) => {
      const cell = row.insertCell();
      cell.textContent = content;
      if (index === 3 || index === 5) cell.className = "number";
    });
    return row;
  });
  $("requests").replaceChildren(...rows);
}

/** A path with a hash cut to what one can tell apart. */
function shortened(path) {
  return path.replace(/([0-9a-f]{8})[0-9a-f]{56}/, "$1…");
}

/** Fill a choice: [[value, text], ...]. */
export function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, content]) => new Option(content, value)));
  select.value = chosen;
  select.closest("label").hidden = options.length < 2;
}
