// Samples: downloaded with progress, checked, and kept under the hash of their contents.

/**
 * @typedef {{ file: string, bytes: number, sha256: string }} Stored
 * @typedef {{ name: string, title: string, model: Stored, pictures: (Stored & { label: string })[] }} Sample
 */

const CACHE = "aand-samples";
const FOLDER = new URL("../samples/", import.meta.url);

/** Bytes downloaded over the network. */
export let downloaded = 0;

/** All samples. @returns {Promise<Sample[]>} @throws {Error} if they cannot be listed now */
export async function list() {
  const response = await reach(new URL("samples.json", FOLDER));
  // A copy of the page without the folder has no samples.
  if (response.status === 404) return [];
  if (!response.ok) throw new Error(`the list of samples could not be downloaded (${response.status}); try again later`);
  const text = await response.text().catch(() => { throw lost(); });
  try {
    return JSON.parse(text);
  } catch {
    // Some hosts answer missing files with a page of their own.
    throw new Error("what the server sends as samples/samples.json is no list of samples");
  }
}

/** @param {URL} address @param {RequestInit} [how] */
async function reach(address, how) {
  try {
    return await fetch(address, how);
  } catch (error) {
    throw how?.signal?.aborted ? error : lost();
  }
}

/** The browsers' own messages say nothing useful. */
const lost = () => new Error("the download broke off; is the connection down?");

/** @param {Sample} sample */
export function bytes(sample) {
  return [sample.model, ...sample.pictures].reduce((sum, file) => sum + file.bytes, 0);
}

/**
 * @param {Sample} sample
 * @param {AbortSignal} signal
 * @param {(done: number, total: number) => void} progress in bytes
 * @returns {Promise<{ model: Blob, pictures: { name: string, file: Blob }[] }>}
 */
export async function fetchSample(sample, signal, progress) {
  let done = 0;
  const total = bytes(sample);
  const advance = (/** @type {number} */ some) => progress(done += some, total);
  const model = await fetchStored(sample.model, signal, advance);
  const pictures = [];
  for (const picture of sample.pictures) {
    pictures.push({ name: picture.label, file: await fetchStored(picture, signal, advance) });
  }
  return { model, pictures };
}

/** Only the model of a sample. @param {Sample} sample @param {AbortSignal} signal @param {(some: number) => void} advance */
export const fetchModel = (sample, signal, advance) => fetchStored(sample.model, signal, advance);

/** Whether a file is already kept. @param {Stored} stored */
export async function has({ sha256 }) {
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
  return Boolean(await cache?.match(new URL(`by-content/${sha256}`, FOLDER)));
}

/** @param {Stored} stored @param {AbortSignal} signal @param {(some: number) => void} advance */
export async function fetchStored({ file, bytes, sha256 }, signal, advance) {
  const key = new URL(`by-content/${sha256}`, FOLDER);
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
  const kept = await cache?.match(key);
  if (kept) {
    advance(bytes);
    return kept.blob();
  }
  const response = await reach(new URL(file, FOLDER), { signal });
  if (!response.ok || !response.body) {
    throw new Error(`${file} could not be downloaded (${response.status}); try again later`);
  }
  const parts = [];
  const reader = response.body.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      downloaded += part.value.length;
      advance(part.value.length);
    }
  } catch (error) {
    throw signal.aborted ? error : lost();
  }
  const blob = new Blob(/** @type {BlobPart[]} */ (parts));
  // Pages that are not served securely have no digests, and no cache either.
  if (globalThis.crypto?.subtle) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
    const found = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (found !== sha256) throw new Error(`${file} arrived damaged; try again`);
    await cache?.put(key, new Response(blob)).catch(() => undefined);
  }
  return blob;
}

/** Bytes kept in the browser. */
export async function kept() {
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
  let sum = 0;
  for (const request of await cache?.keys() ?? []) sum += (await (await cache?.match(request))?.blob())?.size ?? 0;
  return sum;
}

export async function clear() {
  await globalThis.caches?.delete(CACHE);
}
