// Models that were trained here, kept by the browser.

import { Names, safe } from "./names.js";

const FOLDER = "aand-models";

/** @param {boolean} create @returns {Promise<any>} */
async function folder(create) {
  const root = await navigator.storage?.getDirectory?.();
  return root?.getDirectoryHandle(FOLDER, { create });
}

/** What is kept, the newest first. @returns {Promise<{ name: string, file: File }[]>} */
export async function kept() {
  const found = [];
  for (const handle of await handles()) {
    try {
      found.push({ name: handle.name, file: await handle.getFile() });
    } catch {
      // One that cannot be read, or is being deleted, hides no other.
    }
  }
  return found.sort((a, b) => b.file.lastModified - a.file.lastModified);
}

/** @returns {Promise<any[]>} */
async function handles() {
  const found = [];
  try {
    const place = await folder(false);
    for await (const handle of place?.values() ?? []) if (handle.name.endsWith(".aand")) found.push(handle);
  } catch {
    // No such folder yet, or no such storage in this browser.
  }
  return found;
}

/**
 * Keeps a model under a name that is not taken yet.
 * @param {Blob} model
 * @param {string} called
 * @returns {Promise<string | undefined>} the name; nothing where the browser cannot keep files or has no room
 */
export async function keep(model, called) {
  // Older browsers let only workers write, and would leave an empty file.
  if (!("createWritable" in (globalThis.FileSystemFileHandle?.prototype ?? {}))) return undefined;
  let name = "";
  try {
    const place = await folder(true);
    if (!place) return undefined;
    // Also what cannot be read has its name.
    const names = new Names();
    for (const { name } of await handles()) names.add(name);
    name = names.add(`${safe(called, "model")}.aand`);
    const handle = await place.getFileHandle(name, { create: true });
    const stream = await handle.createWritable();
    await stream.write(model);
    await stream.close();
    return name;
  } catch {
    if (name) await forget(name).catch(() => undefined);
    return undefined;
  }
}

/** @param {string} name */
export async function forget(name) {
  await (await folder(false))?.removeEntry(name).catch(() => undefined);
}
