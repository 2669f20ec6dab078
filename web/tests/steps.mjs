// What the tests do on the page, and what they read from it.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export const DIST = process.env.DIST ?? "dist";
export const SAMPLES = JSON.parse(readFileSync(join(DIST, "samples/samples.json"), "utf8"));
export const [SAMPLE] = SAMPLES;
export const MODEL = join(DIST, "samples", SAMPLE.model.file);
/** Its pictures' files. */
export const PICTURES = SAMPLE.pictures.map(({ file }) => join(DIST, "samples", file));

/** A file for an input, made of one of the sample's pictures. */
export const picture = (name, i = 0) => ({ name, mimeType: "image/png", buffer: readFileSync(PICTURES[i]) });
/** An uncompressed picture: all of one size have equally many bytes. */
export function bitmap(name, seed, side = 24) {
  const bytes = Buffer.alloc(54 + 3 * side * side, seed);
  bytes.write("BM", 0, "latin1");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(0, 6);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(side, 18);
  bytes.writeInt32LE(side, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  bytes.fill(0, 30, 54);
  return { name, mimeType: "image/bmp", buffer: bytes };
}

/** Until nothing runs any more. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelectorAll("#cards .small").length > 0
    && document.getElementById("job-progress").hidden && document.getElementById("model-progress").hidden
    && ![...document.querySelectorAll("#cards .small")].some((e) => e.textContent === "waiting"), undefined, { timeout: 300_000 });
}

/** Until a picture is shown in full. */
export const shown = (page, name) => page.waitForFunction((name) => document.getElementById("viewer-title")?.textContent === name
  && !document.getElementById("viewer").hasAttribute("aria-busy"), name);

/** The sample's model on the page. */
export async function loaded(page, model = MODEL) {
  await page.setInputFiles("#model-file", model);
  await page.waitForFunction(() => document.getElementById("model-progress").hidden && document.querySelector("#model-words strong"), undefined, { timeout: 120_000 });
}

/** The names on the cards, in their order. */
export const names = (page) => page.$$eval("#cards .name", (all) => all.map((e) => e.textContent));

/** The bytes of what a button downloads. */
export async function saved(page, button) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
  return readFileSync(await download.path());
}

/** The files in a ZIP that has no compression: name and bytes. */
export function unzipped(zip) {
  const files = new Map();
  for (let at = zip.indexOf("PK\x01\x02", 0, "latin1"); at >= 0; at = zip.indexOf("PK\x01\x02", at + 46, "latin1")) {
    const [size, length, local] = [zip.readUInt32LE(at + 24), zip.readUInt16LE(at + 28), zip.readUInt32LE(at + 42)];
    const begin = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    files.set(zip.subarray(at + 46, at + 46 + length).toString(), zip.subarray(begin, begin + size));
  }
  return files;
}

/** Presses what would lead away; whether the browser asked first. The page stays. */
export async function asked(page, leave) {
  let type = "";
  const listen = (dialog) => { type = dialog.type(); return dialog.dismiss(); };
  page.on("dialog", listen);
  await leave();
  await page.waitForTimeout(300);
  page.off("dialog", listen);
  return type === "beforeunload";
}
/** A reload that may be refused. */
export const reload = (page) => page.evaluate(() => { setTimeout(() => location.reload()); });
