import { readFileSync, readdirSync } from "node:fs";
import { browse, GPU, open, serve } from "./site.mjs";
const site = await serve(process.env.DIST);
const browser = await browse(GPU);
const { page, problems } = await open(browser.context, `${site.address}?compute=gpu&learn=asked`);
const dir = process.env.GOOD;
const files = readdirSync(dir).slice(0, 8).map((n) => ({ name: n, b64: readFileSync(`${dir}/${n}`).toString("base64") }));
const out = await page.evaluate(async (files) => {
  const { train } = await import("./js/module/train.js");
  const pictures = files.map(({ name, b64 }) => ({ name, file: new Blob([Uint8Array.from(atob(b64), (c) => c.charCodeAt(0))]) }));
  const told = [];
  const training = await train(pictures, { name: "x", size: 128, batch: 4, seed: 0, amplify: true, steps: [8, 8] }, { compute: "gpu", tell: (t) => told.push({ at: performance.now(), type: t.type, stage: t.stage, ms: t.ms, compute: t.compute, adapter: t.adapter, losses: t.losses }) });
  const model = await training.model;
  return { told: told.filter((t) => ["device", "begin", "step", "scoring", "caching"].includes(t.type)), bytes: model.size, end: performance.now() };
}, files);
let last = 0;
for (const t of out.told) { console.log(t.type, t.stage ?? t.compute ?? "", t.adapter ?? "", (t.losses ?? []).join(" "), ((t.at - last) / 1000).toFixed(2)); last = t.at; }
console.log(out.bytes, problems);
await browser.stop(); await site.stop();
