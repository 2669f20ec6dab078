// Learns an instant detector, and keeps it for trials.

import { asPng, isForeign } from "./foreign.js";
import { teacher } from "./teacher.js";
import init, { Instant, provideTeacher } from "../../wasm/aand-web.js";

/** Bytes of a picture file beyond which it is not even read. */
const LARGEST_FILE = 512 * 2 ** 20;

/** @type {Instant | undefined} */
let instant;

addEventListener("message", async ({ data }) => {
  const { id } = data;
  try {
    const result = data.type === "learn" ? await learn(data) : instant?.trial(data.picture, data.seed);
    postMessage({ id, type: "done", result });
  } catch (error) {
    const name = error instanceof Error ? error.name : "Error";
    let message = error instanceof Error ? error.message : String(error);
    if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) message = "there is not enough memory for so many pictures";
    postMessage({ id, type: "failed", name, message });
  }
});

/** @param {{ pictures: import("./train.js").Good[], wanted: { name: string, size: number, range?: string } }} asked */
async function learn({ pictures, wanted }) {
  const [, file] = await Promise.all([init(), teacher()]);
  provideTeacher(file);
  instant?.free();
  instant = Instant.open(JSON.stringify(wanted));
  // As the native program: of more pictures than there is memory for, some, evenly spread.
  const most = Math.min(instant.most, pictures.length);
  const used = [];
  for (let i = 0; i < most; i++) {
    const picture = pictures[Math.floor((i * pictures.length) / most)];
    try {
      instant.add(await bytesOf(picture.file), picture.name);
      used.push(picture.name);
    } catch (error) {
      // The training says what is wrong with it.
      if (/** @type {any} */ (error)?.name !== "PictureError") throw error;
    }
  }
  return { bytes: instant.learn().buffer, used };
}

/** @param {Blob} file */
async function bytesOf(file) {
  if (file.size > LARGEST_FILE) throw Object.assign(new Error("too large"), { name: "PictureError" });
  const bytes = await file.arrayBuffer().then((all) => new Uint8Array(all), () => {
    throw Object.assign(new Error("it can no longer be read"), { name: "PictureError" });
  });
  return (isForeign(bytes) ? await asPng(file) : undefined) ?? bytes;
}
