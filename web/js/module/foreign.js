// Picture files, and the formats that the program's decoder lacks but some browsers have: HEIC, AVIF, JPEG XL.

/** A larger picture file, in bytes, is not even read. */
const LARGEST_FILE = 512 * 2 ** 20;

/** Brands of the ISO container that hold a still picture. */
const BRANDS = /^(hei[cxms]|hev[cmx]|mif1|msf1|avi[fs])$/;

/**
 * The bytes of a picture's file.
 * @param {Blob} file
 * @throws {Error} `PictureError` if it is too large or no longer there
 */
export async function read(file) {
  if (file.size > LARGEST_FILE) {
    throw unusable(`${Math.round(file.size / 2 ** 20)} MiB is more than the ${LARGEST_FILE / 2 ** 20} MiB that are read here; scale it down or cut it into parts`);
  }
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw unusable("the file can no longer be read; was it moved or changed? Add it again");
  }
}

/**
 * As {@link read}, for code that takes only supported files: a picture of a foreign format becomes a PNG.
 * @param {Blob} file
 */
export async function readable(file) {
  const bytes = await read(file);
  // If this browser cannot decode it either, the program's decoder says so in words.
  return (isForeign(bytes) ? await asPng(file).catch(() => undefined) : undefined) ?? bytes;
}

/** @param {string} message */
const unusable = (message) => Object.assign(new Error(message), { name: "PictureError" });

/** Whether it has such a format, judged by its first bytes. @param {Uint8Array} bytes */
export function isForeign(bytes) {
  const text = (/** @type {number} */ from, /** @type {number} */ to) => String.fromCharCode(...bytes.subarray(from, to));
  if (text(4, 8) === "ftyp") return BRANDS.test(text(8, 12));
  return (bytes[0] === 0xff && bytes[1] === 0x0a) || text(4, 12) === "JXL \r\n\x87\n";
}

/**
 * Its pixels, upright, as the browser decodes them; color profiles and gamma are ignored, as in the program's decoder.
 * @param {Blob} file
 * @returns {Promise<ImageData | undefined>} `undefined` if this browser cannot either
 */
export async function decoded(file) {
  const how = /** @type {ImageBitmapOptions} */ ({ colorSpaceConversion: "none", premultiplyAlpha: "none", imageOrientation: "from-image" });
  const picture = await createImageBitmap(file, how).catch(() => undefined);
  if (!picture) return undefined;
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const on = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  on.drawImage(picture, 0, 0);
  picture.close();
  return on.getImageData(0, 0, canvas.width, canvas.height);
}

/** The picture as a PNG. @param {Blob} file @returns {Promise<Uint8Array | undefined>} */
async function asPng(file) {
  const pixels = await decoded(file);
  if (!pixels) return undefined;
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(pixels, 0, 0);
  return new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}
