// Files that are hard to read, made here.

import { crc32, deflateSync } from "node:zlib";

/** A PNG of one bit per pixel, all black: a few kilobytes, however large. */
export function hugePng(width, height) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([1, 0, 0, 0, 0], 8);
  const lines = deflateSync(Buffer.alloc((1 + Math.ceil(width / 8)) * height), { level: 9 });
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([start, chunk("IHDR", header), chunk("IDAT", lines), chunk("IEND", Buffer.alloc(0))]);
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(8 + data.length + 4);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body) >>> 0, 8 + data.length);
  return out;
}

/** A JPEG with an EXIF segment that says how to turn it: 6 is a quarter to the right. */
export function turned(jpeg, orientation) {
  const tiff = Buffer.alloc(26);
  tiff.write("MM", 0, "latin1");
  tiff.writeUInt16BE(42, 2);
  tiff.writeUInt32BE(8, 4);
  tiff.writeUInt16BE(1, 8);
  tiff.writeUInt16BE(0x0112, 10);
  tiff.writeUInt16BE(3, 12);
  tiff.writeUInt32BE(1, 14);
  tiff.writeUInt16BE(orientation, 18);
  const body = Buffer.concat([Buffer.from("Exif\0\0", "latin1"), tiff]);
  const segment = Buffer.alloc(4);
  segment.writeUInt16BE(0xffe1, 0);
  segment.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([jpeg.subarray(0, 2), segment, body, jpeg.subarray(2)]);
}

/** An AVIF of 64 x 48 pixels: a yellow square on green. No decoder of the program's reads it, browsers do. */
export const AVIF = Buffer.from("AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUIAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAATwAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAQAAAADAAAAAQcGl4aQAAAAADCAgIAAAADGF2MUOBAAwAAAAAE2NvbHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAAV21kYXQSAAoJGBV/vaICGg0IMkBF4eHhiGEkkkmUAAAC29O9yHRf9z3mlRoQ+784XL2clQBi4rPs1J75NFEmWdKK/X6gJcvq/X+peL/BSKZM9oIs", "base64");

/** A PNG of `lines`, each with its filter byte; `kind` is its bits and its color type. */
function encoded(width, height, kind, lines) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([...kind, 0, 0, 0], 8);
  const start = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([start, chunk("IHDR", header), chunk("IDAT", deflateSync(lines)), chunk("IEND", Buffer.alloc(0))]);
}

/** A grey PNG of 16 bits whose values end at `highest`: what a camera of fewer bits writes. */
export function deepPng(side, highest, seed = 1) {
  const lines = Buffer.alloc(side * (1 + 2 * side));
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) lines.writeUInt16BE(Math.round(highest * (((x * 7 + y * 13 + seed * 29) % 64) / 63)), y * (1 + 2 * side) + 1 + 2 * x);
  }
  return encoded(side, side, [16, 0], lines);
}

/** A PNG of 8 bits a channel; `pixel` gives red, green and blue at a place. */
export function png(width, height, pixel) {
  const lines = Buffer.alloc(height * (1 + 3 * width));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) lines.set(pixel(x, y), y * (1 + 3 * width) + 1 + 3 * x);
  }
  return encoded(width, height, [8, 2], lines);
}

/** The disc of the native tests (`tests/program`), under a share of its light, with a dark spot where there is a defect. */
export function disc(n, { light = 1, defect = false } = {}) {
  const far = (x, y, cx, cy) => Math.hypot(x - cx, y - cy);
  return png(64, 56, (x, y) => {
    const grain = (x * 7 + y * 13 + n * 29) % 11;
    const color = defect && far(x, y, 36, 24) < 6 ? [20, 10, 10] : far(x, y, 32, 28) < 20 + (n % 3) ? [170 + grain, 140, 80 + n] : [30, 34 + grain, 40];
    return color.map((value) => Math.floor(light * value));
  });
}
