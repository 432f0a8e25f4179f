// What the page's modules make of given features, in base64; run by Node and in a browser.
async ({ base, engine, model, constants, tables, vectors }) => {
  const load = (name) => import(base + name);
  const { Engine } = await load("engine.js");
  const { quantize, dequantize } = await load("quantizer.js");
  const { pack } = await load("bitstream.js");
  const { encodeCofeat, encodeCofeatLossy } = await load("cofeat.js");
  const { encodePng } = await load("png.js");
  const { encodeLearned, levelsOf } = await load("learned.js");
  const { readTables } = await load("tables.js");
  const fromText = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const toText = (bytes) => {
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
  };
  const machine = await Engine.load(fromText(engine), fromText(model));
  const made = [];
  for (const vector of vectors) {
    const { shape, bits, perChannel, step, codec, setting } = vector;
    const fitted = vector.tables ? await readTables(fromText(tables[vector.tables])) : null;
    const quantized = quantize(new Float32Array(fromText(vector.features).buffer), shape[0], bits, perChannel, step);
    const { values } = quantized;
    const payload = {
      1: () => encodePng(values, shape, bits, setting),
      16: () => encodeCofeat(machine, constants, values, shape, bits, fitted),
      17: () => encodeCofeatLossy(machine, constants, values, shape, bits, setting, fitted),
      18: () => encodeLearned(constants, levelsOf(constants, values, bits, setting), shape, setting, fitted),
    };
    const stream = pack({ ...vector, quantized, payload: payload[codec]() });
    const restored = dequantize(quantized);
    made.push({ stream: toText(stream), restored: toText(new Uint8Array(restored.buffer)) });
  }
  return made;
}
