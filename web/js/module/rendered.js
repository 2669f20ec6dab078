// Rendered parts, as `aand render` draws them, for people without pictures of their own.

/** @typedef {{ seed: number, defect?: string }} Part the same seed gives the same part */

/**
 * PNG files of parts of a rendered line.
 * @param {"cloth" | "washers" | "circuit" | "strip"} line @param {Part[]} parts
 * @returns {Promise<Blob[]>}
 */
export function render(line, parts) {
  const worker = new Worker(new URL("./render-worker.js", import.meta.url), { type: "module", name: "aand renderer" });
  return new Promise((resolve, reject) => {
    const fail = (/** @type {string} */ message) => reject(Object.assign(new Error(message), { name: "ModuleError" }));
    worker.onmessage = ({ data: { files, failed } }) => {
      if (failed !== undefined) return fail(failed);
      resolve(files.map((/** @type {ArrayBuffer} */ bytes) => new Blob([bytes], { type: "image/png" })));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      fail(event.message || "the renderer could not be loaded; is the connection down?");
    };
    worker.postMessage({ line, parts });
  }).finally(() => worker.terminate());
}
