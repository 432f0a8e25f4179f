// The Open Inference Protocol with binary tensors, as far as the page speaks it.

export const HEADER_LENGTH = "Inference-Header-Content-Length";

const ARRAYS = { UINT8: Uint8Array, FP32: Float32Array };

/**
 * Write a request of one input of bytes, all outputs as binary tensors.
 *
 * @param {"bitstream"|"image"} name of the input.
 * @param {Uint8Array} bytes its one element.
 * @param {string[]} outputs names.
 * @param {number} timeoutMs after which nobody waits any more.
 * @returns {{body: Uint8Array, headerBytes: number}}
 */
export function encodeRequest(name, bytes, outputs, timeoutMs) {
  const head = new TextEncoder().encode(JSON.stringify({
    inputs: [{
      name, datatype: "BYTES", shape: [1], parameters: { binary_data_size: 4 + bytes.length },
    }],
    outputs: outputs.map((output) => ({ name: output, parameters: { binary_data: true } })),
    parameters: { timeout: Math.round(1000 * timeoutMs) },
  }));
  const body = new Uint8Array(head.length + 4 + bytes.length);
  body.set(head);
  new DataView(body.buffer).setUint32(head.length, bytes.length, true);
  body.set(bytes, head.length + 4);
  return { body, headerBytes: head.length };
}

/** Read a response: {outputs: name -> {data, width, height}, parameters}. */
export function decodeResponse(buffer, headerBytes) {
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 0, headerBytes)));
  const outputs = {};
  let at = headerBytes;
  for (const { name, datatype, shape, parameters } of head.outputs) {
    const stop = at + parameters.binary_data_size;
    const data = new ARRAYS[datatype](buffer.slice(at, stop));
    at = stop;
    outputs[name] = { data, height: shape[1], width: shape[2] };
  }
  return { outputs, parameters: head.parameters ?? {} };
}
