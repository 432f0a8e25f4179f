// The container: header, payload, checksum; docs/bitstream.md, "Layout".

const FIXED_BYTES = 30;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** The CRC-32 of PNG and zlib. */
export function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}

/** The bytes that hexadecimal digits mean. */
export function fromHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/**
 * Write a stream.
 *
 * @param {object} stream
 * @param {number} stream.codec its id, 1 to 255.
 * @param {number} stream.setting the codec's own.
 * @param {{minimum: Float32Array, maximum: Float32Array, bits: number}} stream.quantized
 * @param {number[]} stream.shape [C, H, W].
 * @param {boolean} stream.perChannel whether there is a range for each channel.
 * @param {number[]} stream.imageSize [height, width] in pixels.
 * @param {string} stream.modelId 16 hexadecimal digits.
 * @param {?string} stream.tablesId 8 hexadecimal digits, or null.
 * @param {Uint8Array} stream.payload what the codec wrote.
 * @returns {Uint8Array}
 */
export function pack(stream) {
  const { minimum, maximum, bits } = stream.quantized;
  const payloadStart = FIXED_BYTES + 8 * minimum.length + 4;
  const bytes = new Uint8Array(payloadStart + stream.payload.length + 4);
  const view = new DataView(bytes.buffer);
  bytes.set([0x43, 0x46, 0x54, 1, stream.perChannel ? 1 : 0, bits, stream.codec, stream.setting]);
  [...stream.shape, ...stream.imageSize].forEach((side, index) => {
    if (!(side >= 1 && side <= 0xffff)) throw new RangeError(`a side of ${side}: use 1 to 65535`);
    view.setUint16(8 + 2 * index, side, true);
  });
  bytes.set(fromHex(stream.modelId), 18);
  if (stream.tablesId) bytes.set(fromHex(stream.tablesId), 26);
  minimum.forEach((low, range) => {
    view.setFloat32(FIXED_BYTES + 8 * range, low, true);
    view.setFloat32(FIXED_BYTES + 8 * range + 4, maximum[range], true);
  });
  view.setUint32(payloadStart - 4, stream.payload.length, true);
  bytes.set(stream.payload, payloadStart);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true);
  return bytes;
}
