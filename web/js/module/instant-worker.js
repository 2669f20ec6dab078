// Learns an instant detector, and keeps it for trials.

import { readable } from "./foreign.js";
import { teacher } from "./teacher.js";
import init, { Instant, provideTeacher } from "../../wasm/aand-web.js";

/** @type {Instant | undefined} */
let instant;
/** The module and the teacher. @type {Promise<unknown> | undefined} */
let starting;

addEventListener("message", async ({ data }) => {
  const { id } = data;
  try {
    const result = data.type === "learn" ? await learn(data) : data.type === "warm" ? await start() : instant?.trial(data.picture, data.seed);
    postMessage({ id, type: "done", result });
  } catch (error) {
    const name = error instanceof Error ? error.name : "Error";
    let message = error instanceof Error ? error.message : String(error);
    if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) message = "there is not enough memory for so many pictures";
    postMessage({ id, type: "failed", name, message });
  }
});

async function start() {
  starting ??= Promise.all([init(), teacher()]).then(([, file]) => provideTeacher(file));
  // Where it fails, as when the connection is down, it is tried again.
  await starting.catch((error) => { starting = undefined; throw error; });
}

/** @param {{ pictures: import("./train.js").Good[], wanted: { name: string, size: number, range?: string } }} asked */
async function learn({ pictures, wanted }) {
  await start();
  instant?.free();
  instant = Instant.open(JSON.stringify(wanted));
  // As in the native program: if memory does not allow all pictures, an evenly spaced selection.
  const most = Math.min(instant.most, pictures.length);
  const used = [];
  for (let i = 0; i < most; i++) {
    const picture = pictures[Math.floor((i * pictures.length) / most)];
    try {
      instant.add(await readable(picture.file), picture.name);
      used.push(picture.name);
    } catch (error) {
      // The training reports what is wrong with it.
      if (/** @type {any} */ (error)?.name !== "PictureError") throw error;
    }
  }
  return { bytes: instant.learn().buffer, used };
}
