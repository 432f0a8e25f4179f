// Outputs and mosaics as pictures.

/** Draw one output as an offscreen canvas of its own size. */
export function drawn(task, { data, width, height }, constants) {
  const image = new ImageData(width, height);
  const pixels = image.data;
  const size = width * height;
  if (task === "segmentation") {
    for (let k = 0; k < size; k++) put(pixels, k, constants.class_colors[data[k]]);
  } else if (task === "disparity") {
    const colors = constants.disparity_colors;
    const scale = (colors.length - 1) / constants.disparity_max_px;
    for (let k = 0; k < size; k++) {
      const index = Math.min(Math.max(Math.round(data[k] * scale), 0), colors.length - 1);
      put(pixels, k, data[k] > 0 ? colors[index] : [0, 0, 0]);
    }
  } else {
    for (let k = 0; k < size; k++) put(pixels, k, data.subarray(3 * k, 3 * k + 3));
  }
  return onCanvas(image);
}

/**
 * Draw a mosaic in grey up to the integer `top`, from the integer that stands for the smallest feature
 * or, where that is not 0, for the feature 0 as middle grey. Most features are small, so small ones are
 * drawn larger.
 */
export function drawnMosaic({ pixels, width, height, zero, top }) {
  const image = new ImageData(width, height);
  for (let k = 0; k < pixels.length; k++) {
    const share = (pixels[k] - zero) / (top - zero);
    const size = Math.sqrt(Math.min(1, Math.abs(share)));
    const grey = zero ? 127.5 * (1 + Math.sign(share) * size) : 255 * size;
    put(image.data, k, [grey, grey, grey]);
  }
  return onCanvas(image);
}

/**
 * Put a picture and, over it, an output onto the canvas that one sees.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasImageSource} picture what the device sees.
 * @param {?HTMLCanvasElement} over an output, or null.
 * @param {number} strength of the output, 0 to 1.
 * @param {boolean} smooth whether its pixels run into each other.
 */
export function compose(canvas, picture, over, strength, smooth) {
  const context = canvas.getContext("2d");
  context.globalAlpha = 1;
  context.imageSmoothingEnabled = true;
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  if (!over) return;
  context.globalAlpha = strength;
  context.imageSmoothingEnabled = smooth;
  context.drawImage(over, 0, 0, canvas.width, canvas.height);
  context.globalAlpha = 1;
}

/** Classes of at least half a percent of an output, the most frequent first: [{name, color, share}]. */
export function classesOf({ data }, constants, most = 8) {
  const counts = new Map();
  for (const id of data) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts]
    .filter(([id, count]) => id < constants.classes.length && count >= 0.005 * data.length)
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([id, count]) => ({
      name: constants.classes[id], color: constants.class_colors[id], share: count / data.length,
    }));
}

function put(pixels, k, [red, green, blue]) {
  pixels[4 * k] = red;
  pixels[4 * k + 1] = green;
  pixels[4 * k + 2] = blue;
  pixels[4 * k + 3] = 255;
}

function onCanvas(image) {
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
