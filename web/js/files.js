// Files from pickers, drops and the clipboard.

/**
 * @typedef {{ name: string, file: File }} Named
 * @typedef {{ files: Named[], left: string[] }} Chosen `left`: names of other files beside them that are not
 * pictures
 */

/** Files that systems leave in every folder. */
const CLUTTER = /(^|\/)(\.[^/]*|Thumbs\.db|desktop\.ini|__MACOSX\/.*)$/i;
/** Pictures, including kinds that cannot be read: these get a message each. */
const PICTURE = /\.(jpe?g|jpe|jfif|pjpe?g|pjp|png|apng|bmp|dib|tiff?|webp|gif|avif|hei[cf]|hif|jxl|jp2|j2k|svg|ico|psd|p[bgpn]m|tga|exr|hdr|dng|cr[23]|nef|arw|orf|rw2|raf)$/i;
const MODEL = /\.aand$/i;
/** How many names are shown. */
const TOLD = 3;

/** @param {string} name */
export const isModel = (name) => MODEL.test(name);

/** @param {Iterable<File>} files @returns {Chosen} */
export function picked(files) {
  return { files: [...files].map((file) => ({ name: file.webkitRelativePath || file.name, file })), left: [] };
}

/** Keeps only what looks like a picture or a model; for folders, which may contain other files. @param {Chosen} chosen @returns {Chosen} */
export function pictures({ files, left }) {
  const seen = files.filter(({ name }) => !CLUTTER.test(name));
  const wanted = (/** @type {Named} */ { name }) => PICTURE.test(name) || isModel(name);
  return { files: seen.filter(wanted), left: [...left, ...seen.filter((file) => !wanted(file)).map(({ name }) => name)] };
}

/** The message about files that were left out; empty if none were. @param {{ files: unknown[], left: string[] }} chosen */
export function leftWords({ files, left }) {
  if (files.length === 0 && left.length === 0) return "There is no file in that folder.";
  if (left.length === 0) return "";
  const more = left.length > TOLD ? ` and ${left.length - TOLD} more` : "";
  const names = `${left.slice(0, TOLD).join(", ")}${more}`;
  if (files.length === 0) return `Nothing there is a picture (JPEG, PNG, BMP, TIFF, WebP) or a model: ${names}.`;
  return `Left out, because ${left.length === 1 ? "it is no picture" : "they are no pictures"} or cannot be read: ${names}.`;
}

/** All files of a drop, folders included. @param {DataTransfer} data @returns {Promise<Chosen>} */
export async function dropped(data) {
  // Both must be read before the first `await`.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  const chosen = picked(data.files);
  if (!entries.some((entry) => entry.isDirectory)) return chosen;
  const found = await Promise.all(entries.map(async (entry) => {
    const all = await walk(entry);
    return entry.isFile ? all : pictures(all);
  }));
  return joined(found);
}

/** @param {FileSystemEntry} entry @returns {Promise<Chosen>} */
async function walk(entry) {
  const name = entry.fullPath.replace(/^\//, "");
  try {
    if (entry.isFile) {
      /** @type {File} */
      const file = await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject));
      return { files: [{ name, file }], left: [] };
    }
    const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
    const all = [];
    // A reader returns a hundred entries at a time.
    for (;;) {
      /** @type {FileSystemEntry[]} */
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) break;
      for (const child of some.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))) {
        all.push(await walk(child));
      }
    }
    return joined(all);
  } catch {
    // An unreadable entry does not exclude others.
    return { files: [], left: [`${name} (cannot be read)`] };
  }
}

/** @param {Chosen[]} chosen @returns {Chosen} */
function joined(chosen) {
  return { files: chosen.flatMap(({ files }) => files), left: chosen.flatMap(({ left }) => left) };
}
