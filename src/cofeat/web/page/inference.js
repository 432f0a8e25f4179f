// The networks in the browser: onnxruntime-web, by WebGPU where there is one, else WebAssembly.

const FOLDER = new URL("ort/", import.meta.url);

/**
 * Whether WebGPU is the best way here: there is an adapter that is no software, and JSPI, which that
 * build of ONNX Runtime needs.
 */
export async function hasGpu() {
  if (!("Suspending" in WebAssembly) || !self.navigator?.gpu) return false;
  try {
    const adapter = await navigator.gpu.requestAdapter();
    return adapter !== null && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
  } catch {
    return false;
  }
}

/** Threads need memory that they share, which only a page that is isolated has. */
export function mostThreads() {
  return self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency || 1) : 1;
}

/** ONNX Runtime, loaded once a page. */
export class Runtime {
  /**
   * @param {"webgpu"|"wasm"} provider what runs the networks.
   * @param {number} threads of WebAssembly.
   */
  static async load(provider, threads) {
    const build = provider === "webgpu" ? "jspi" : "wasm";
    const ort = await import(new URL(`ort.${build}.min.mjs`, FOLDER).href);
    const file = build === "jspi" ? "ort-wasm-simd-threaded.jspi" : "ort-wasm-simd-threaded";
    ort.env.wasm.wasmPaths = {
      mjs: new URL(`${file}.mjs`, FOLDER).href,
      wasm: new URL(`${file}.wasm`, FOLDER).href,
    };
    ort.env.wasm.numThreads = threads;
    ort.env.logLevel = "error";
    return new Runtime(ort, provider);
  }

  constructor(ort, provider) {
    this.ort = ort;
    this.provider = provider;
  }

  /** Load a graph. */
  session(bytes) {
    const providers = this.provider === "webgpu" ? ["webgpu", "wasm"] : ["wasm"];
    // Sessions have a severity of their own: errors alone; a few operators on the CPU are none.
    const options = { executionProviders: providers, graphOptimizationLevel: "all", logSeverityLevel: 3 };
    return this.ort.InferenceSession.create(new Uint8Array(bytes), options);
  }

  /**
   * Run an encoder, or a whole network.
   *
   * @param {object} session
   * @param {{data: Uint8ClampedArray, width: number, height: number}} picture RGBA.
   * @param {number} stride to whose multiples the sides come, by repeating the last row and column.
   */
  async onPicture(session, picture, stride) {
    const { planes, width, height } = padded(picture, stride);
    const image = new this.ort.Tensor("uint8", planes, [1, 3, height, width]);
    return session.run({ image });
  }

  /** Run heads on features C x h x w. */
  async onFeatures(session, data, dims) {
    return session.run({ features: new this.ort.Tensor("float32", data, dims) });
  }
}

/** RGB planes of a picture, its sides multiples of the stride. */
function padded({ data, width, height }, stride) {
  const [wide, high] = [width, height].map((side) => Math.ceil(side / stride) * stride);
  const planes = new Uint8Array(3 * wide * high);
  for (let channel = 0; channel < 3; channel++)
    for (let y = 0; y < high; y++) {
      const row = Math.min(y, height - 1) * width;
      const at = (channel * high + y) * wide;
      for (let x = 0; x < wide; x++)
        planes[at + x] = data[4 * (row + Math.min(x, width - 1)) + channel];
    }
  return { planes, width: wide, height: high };
}

/** A network's outputs, cropped to the picture, by name: as the server sends them. */
export function cropped(outputs, width, height) {
  return Object.fromEntries(Object.entries(outputs).map(([name, { data, dims }]) => {
    const [, , wide, depth = 1] = dims;
    const crop = new data.constructor(width * height * depth);
    for (let y = 0; y < height; y++) {
      const from = y * wide * depth;
      crop.set(data.subarray(from, from + width * depth), y * width * depth);
    }
    // Reconstructions are sent as bytes.
    return [name, { data: name === "reconstruction" ? asBytes(crop) : crop, width, height }];
  }));
}

function asBytes(values) {
  return values instanceof Float32Array ? Uint8ClampedArray.from(values, (value) => 255 * value) : values;
}
