// Kinds of pictures that the program's own decoder lacks and some browsers have: HEIC, AVIF, JPEG XL.

/** Brands of the ISO container that hold a still picture. */
const BRANDS = /^(hei[cxms]|hev[cmx]|mif1|msf1|avi[fs])$/;

/** Whether it is of such a kind, by its first bytes. @param {Uint8Array} bytes */
export function isForeign(bytes) {
  const text = (/** @type {number} */ from, /** @type {number} */ to) => String.fromCharCode(...bytes.subarray(from, to));
  if (text(4, 8) === "ftyp") return BRANDS.test(text(8, 12));
  return (bytes[0] === 0xff && bytes[1] === 0x0a) || text(4, 12) === "JXL \r\n\x87\n";
}

/**
 * Its pixels, upright, as the browser decodes them: profiles and gamma are left alone, as in the program's own decoder.
 * @param {Blob} file
 * @returns {Promise<ImageData | undefined>} nothing where this browser cannot either
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

/** The same as a PNG, for what takes files only. @param {Blob} file @returns {Promise<Uint8Array | undefined>} */
export async function asPng(file) {
  const pixels = await decoded(file);
  if (!pixels) return undefined;
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(pixels, 0, 0);
  return new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
}
