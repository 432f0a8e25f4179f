// The rate-accuracy curve, as SVG.

const SVG = "http://www.w3.org/2000/svg";
const SIZE = { width: 440, height: 230, left: 46, right: 14, top: 26, bottom: 40 };
export const MEASURES = {
  segmentation: { key: "miou", name: "mIoU", digits: 3 },
  disparity: { key: "irmse", name: "1/RMSE of disparity (1/px)", digits: 3 },
  reconstruction: { key: "psnr_db", name: "PSNR of reconstruction (dB)", digits: 1 },
};

/**
 * The measured points of a task that have a rate, lowest rate first: of features as the loaded
 * encoder makes them, or as the other does where nothing else was measured, and of pictures.
 *
 * @param {object} model what the server says of it.
 * @param {string} task
 * @param {string} precision of the encoder.
 */
export function pointsOf(model, task, precision) {
  const { key } = MEASURES[task];
  const points = model.points
    .map(({ values, ...how }) => ({ ...how, bpp: values.bpp, value: values[key] }))
    .filter(({ bpp, value }) => bpp > 0 && value !== null && value !== undefined)
    .sort((a, b) => a.bpp - b.bpp);
  const features = points.filter(({ sent }) => sent === "features");
  const own = features.filter((point) => point.precision === precision);
  return [...(own.length ? own : features), ...points.filter(({ sent }) => sent === "picture")];
}

/**
 * Draw the curve of a task into a figure.
 *
 * @param {SVGElement} svg
 * @param {object[]} points of pointsOf.
 * @param {string} task
 * @param {?{sent: string, codec: string, bpp: number}} frame what was sent, whose point is marked.
 * @returns {string} what it shows, in words.
 */
export function drawCurve(svg, points, task, frame) {
  const { name } = MEASURES[task];
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${SIZE.width} ${SIZE.height}`);
  const rates = [...points.map((point) => point.bpp), ...(frame ? [frame.bpp] : [])];
  const x = scale(0, Math.max(...rates) * 1.08, SIZE.left, SIZE.width - SIZE.right);
  const values = points.map((point) => point.value);
  const margin = (Math.max(...values) - Math.min(...values) || 0.01) * 0.15;
  const y = scale(
    Math.min(...values) - margin, Math.max(...values) + margin, SIZE.height - SIZE.bottom, SIZE.top);
  for (const { at, told } of ticks(y.low, y.high)) {
    line(svg, "grid", SIZE.left, y(at), SIZE.width - SIZE.right, y(at));
    text(svg, "tick", SIZE.left - 6, y(at) + 4, told, "end");
  }
  for (const { at, told } of ticks(x.low, x.high))
    text(svg, "tick", x(at), SIZE.height - SIZE.bottom + 16, told, "middle");
  text(svg, "label", SIZE.width - SIZE.right, SIZE.height - 6, "bits per pixel", "end");
  text(svg, "label", SIZE.left - 40, 10, name, "start");
  const groups = grouped(points, family);
  const ours = frame && family(frame);
  for (const [group, members] of groups) {
    const path = members.map((point) => `${x(point.bpp)},${y(point.value)}`).join(" ");
    element(svg, "polyline", { class: `curve ${group === ours ? "ours" : ""}`, points: path });
    for (const point of members)
      element(svg, "circle", {
        class: `dot ${group === ours ? "ours" : ""}`, r: 3, cx: x(point.bpp), cy: y(point.value),
      });
  }
  for (const [group, members] of groups) {
    const { bpp: rate, value } = members.at(-1);
    text(svg, "name", x(rate), y(value) + 18, group, x(rate) > 380 ? "end" : "middle");
  }
  if (frame) {
    const here = x(frame.bpp);
    line(svg, "frame", here, SIZE.top, here, SIZE.height - SIZE.bottom);
    text(svg, "name", here + (here > 380 ? -5 : 5), SIZE.top + 8, "this frame", here > 380 ? "end" : "start");
  }
  const chosen = points.find((point) => point.sent === frame?.sent && point.codec === frame.codec);
  if (chosen) element(svg, "circle", { class: "chosen", r: 6, cx: x(chosen.bpp), cy: y(chosen.value) });
  return told(groups, task, frame, chosen);
}

function told(groups, task, frame, chosen) {
  const { name, digits } = MEASURES[task];
  if (chosen)
    return `Measured at this setting: ${name} ${chosen.value.toFixed(digits)} at ${chosen.bpp.toFixed(2)} bits per pixel.`;
  return `${frame ? "This setting itself was not measured. " : ""}Measured points of ${[...groups.keys()].join(", ")}.`;
}

/** One curve for a codec and all its settings; the lossless end belongs to the lossy codec's. */
function family({ sent, codec }) {
  const name = codec.split(":")[0].replace("-lossy", "");
  return sent === "picture" ? `the picture as ${name.toUpperCase()}` : name;
}

function grouped(items, key) {
  const groups = new Map();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return groups;
}

function scale(low, high, from, to) {
  const map = (value) => from + ((value - low) / (high - low)) * (to - from);
  return Object.assign(map, { low, high });
}

/**
 * Some four round numbers of a range, each told to as many digits as tell it from the next.
 *
 * @returns {{at: number, told: string}[]}
 */
export function ticks(low, high) {
  const raw = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, k) => (first + k) * step)
    .map((at) => ({ at, told: at.toFixed(digits) }));
}

function element(svg, kind, attributes) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return svg.appendChild(made);
}

function line(svg, class_, x1, y1, x2, y2) {
  element(svg, "line", { class: class_, x1, y1, x2, y2 });
}

function text(svg, class_, x, y, content, anchor) {
  element(svg, "text", { class: class_, x, y, "text-anchor": anchor }).textContent = content;
}
