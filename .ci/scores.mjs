// What Chromium says of the pictures: the page's module, and ONNX Runtime's. scores.mjs DIST FOLDER; see .ci/scores.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { browse, open, serve } from "../web/tests/site.mjs";

const [dist, folder] = process.argv.slice(2);
await writeFile(join(folder, "index.html"), '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">');
const site = await serve(folder, {}, { dist });
const browser = await browse();
try {
  const { page, problems } = await open(browser.context, site.address);
  const pictures = JSON.parse(await readFile(join(folder, "pictures.json"), "utf8"));
  const module = await page.evaluate(async (pictures) => {
    const { Detector } = await import("./dist/js/module/aand.js");
    const detector = await Detector.load("part.aand", { compute: "cpu" });
    const found = [];
    for (const picture of pictures) found.push(await detector.detect(await (await fetch(picture)).blob()));
    detector.close();
    return { scores: found.map(({ score }) => score), anomalous: found.map(({ verdict }) => verdict === "anomalous") };
  }, pictures);
  const version = browser.context.browser()?.version() ?? "";
  console.log(JSON.stringify({ runtime: `Chromium ${version.split(".")[0]}, WebAssembly`.replace("  ", " "), ...module }));

  const graph = await page.evaluate(async (count) => {
    const ort = await import("./node_modules/onnxruntime-web/dist/ort.wasm.min.mjs");
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create("part.onnx", { executionProviders: ["wasm"] });
    const bytes = new Uint8Array(await (await fetch("pictures.bin")).arrayBuffer());
    const size = bytes.length / count;
    const side = Math.sqrt(size / 3);
    const scores = [], anomalous = [];
    for (let i = 0; i < count; i++) {
      const pixels = new ort.Tensor("uint8", bytes.slice(i * size, (i + 1) * size), [1, side, side, 3]);
      const said = await session.run({ pixels });
      scores.push(said.score.data[0]);
      anomalous.push(Boolean(said.anomalous.data[0]));
    }
    return { version: ort.env.versions.web, scores, anomalous };
  }, pictures.length);
  console.log(JSON.stringify({ runtime: `onnxruntime-web ${graph.version}`, scores: graph.scores, anomalous: graph.anomalous }));
  if (problems.length > 0) throw new Error(problems.join("\n"));
} finally {
  await browser.stop();
  await site.stop();
}
