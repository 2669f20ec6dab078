// Compiled, never run: what a project with types writes against the package.
import { Detector } from "aand";
import type { Found, Info } from "aand/protocol";
import { train, type Training } from "aand/train";

export async function judge(model: Blob, picture: File): Promise<[number, "good" | "anomalous", Float32Array]> {
  const detector: Detector = await Detector.load(model, { compute: "cpu" });
  const info: Info = detector.info;
  const found: Found = await detector.detect(picture, { preview: 0 });
  // @ts-expect-error a path is no picture
  await detector.detect("part.png");
  // @ts-expect-error there is no such device
  await Detector.load(model, { compute: "abacus" });
  return [found.score - info.threshold.value, found.verdict, found.map];
}

export async function learn(file: Blob): Promise<Blob> {
  const training: Training = await train([{ name: "a", file }], { name: "part", size: 64, batch: 4, seed: 1, amplify: true });
  return training.model;
}
