// One frame: a picture to outputs, here, there, or cut in two.

/** Of the JPEG that bytes are compared with. */
export const JPEG_QUALITY = 75;

/**
 * Run a frame.
 *
 * @param {object} how
 * @param {"mobile"|"split"|"cloud"} how.mode
 * @param {{codec: string, setting: number, name: string}} how.rate what codes it, where it is sent.
 * @param {object} how.model what the server says of it.
 * @param {HTMLCanvasElement} how.canvas with the picture, in the size in which the network runs.
 * @param {ImageData} how.picture the same.
 * @param {object} device the worker.
 * @param {object} network the server.
 * @returns {Promise<object>} outputs by task, milliseconds by stage, bytes, and what the view tells.
 */
export async function runFrame(how, device, network) {
  const { mode, canvas } = how;
  const made = { mode, times: {}, size: [canvas.width, canvas.height], sentBytes: 0 };
  made.jpegBytes = (await jpegOf(canvas, JPEG_QUALITY)).length;
  if (mode === "mobile") await onDevice(made, how, device);
  else if (mode === "split") await bySplit(made, how, device, network);
  else await inCloud(made, how, network);
  return made;
}

async function onDevice(made, { picture }, device) {
  const { outputs, times } = await device.do("predict", { picture });
  Object.assign(made.times, times);
  made.outputs = outputs;
}

async function bySplit(made, { picture, rate, model }, device, network) {
  const { codec, setting, name } = rate;
  const { stream, mosaic, shape, times } = await device.do("encode", { picture, codec, setting });
  Object.assign(made, { mosaic, shape, codecName: name });
  Object.assign(made.times, times);
  await send(made, model, network, "bitstream", stream, "features, no pixels");
}

async function inCloud(made, { canvas, rate, model }, network) {
  const started = performance.now();
  const jpeg = await jpegOf(canvas, rate.setting);
  made.codecName = rate.name;
  made.times.code = performance.now() - started;
  await send(made, model, network, "image", jpeg, "the picture, as a JPEG");
}

async function send(made, model, network, kind, bytes, what) {
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
