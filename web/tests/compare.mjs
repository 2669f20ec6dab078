// aand beside onnxruntime-web in one browser; see web/compare.

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { browse, GPU, open, serve } from "./site.mjs";

const [model, graph, runs, only = ""] = process.argv.slice(2);
const ort = dirname(fileURLToPath(import.meta.resolve("onnxruntime-web")));
const site = await serve(process.env.DIST ?? "dist", {}, { ort, "graph.onnx": graph });
const browser = await browse(GPU);
try {
  const { page } = await open(browser.context, `${site.address}bench.html?compare=graph.onnx&only=${only}`);
  page.on("console", (message) => { if (message.type() === "error") console.error(message.text()); });
  await page.waitForFunction(() => document.getElementById("model").options.length > 0);
  await page.setInputFiles("#file", model);
  await page.fill("#runs", runs);
  await page.click("#measure");
  await page.waitForFunction(() => globalThis.benchResult || !document.getElementById("error").hidden, undefined, { timeout: 1_800_000 });
  const result = await page.evaluate(() => globalThis.benchResult);
  if (!result) throw new Error(await page.textContent("#error"));
  const by = (name) => result.engines.find((engine) => engine.name === name);
  console.log(`${result.program}, ${result.backbone} at ${result.size}; ${result.browser}; ${result.processors} processors`);
  for (const { name, note, load_ms, first_ms, median_ms, p95_ms } of result.engines) {
    console.log(`${name.padEnd(38)} load ${load_ms.toFixed(0).padStart(7)}  first ${first_ms.toFixed(0).padStart(7)}  median ${median_ms.toFixed(0).padStart(7)}  95 % ${p95_ms.toFixed(0).padStart(7)}  ${note}`);
  }
  const ratio = (kind) => {
    const [ours, theirs] = [by(`aand, ${kind}`), by(`onnxruntime-web, ${kind}`)];
    if (ours && theirs) console.log(`${kind}: ${(ours.median_ms / theirs.median_ms).toFixed(3)} of onnxruntime-web's median; first answer ${(ours.first_ms / ours.median_ms).toFixed(2)} times the steady one`);
  };
  ratio("CPU (WebAssembly)");
  ratio("WebGPU");
  if (process.env.JSON_OUT) (await import("node:fs")).writeFileSync(process.env.JSON_OUT, JSON.stringify(result));
} finally {
  await browser.stop();
  await site.stop();
}
