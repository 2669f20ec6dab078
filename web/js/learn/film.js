// Films: a model's discrepancies of a few pictures while its student learned (`aand train --film`,
// src/training/film.rs).

/**
 * @typedef {object} Header
 * @property {string} model
 * @property {string} teacher the origin of its weights
 * @property {boolean} amplified whether the student learned from the advanced teacher
 * @property {number} training_pictures
 * @property {number} size input side in pixels
 * @property {number[]} sides rows and columns of each level
 * @property {number[]} epochs the number of finished epochs at each frame
 * @property {number} all number of epochs of stage 2
 * @property {{ name: string, anomalous: boolean, masked: boolean }[]} pictures
 * @property {number} filmed how many of them, the first ones, are in the frames
 * @property {number[][]} scores by frame and picture
 * @property {number} threshold
 */

/** A film. */
export class Film {
  #maps;
  #patches;

  /** Use {@link Film.read}. @param {Header} header @param {Uint16Array[]} maps @param {Uint8Array[]} patches */
  constructor(header, maps, patches) {
    this.header = header;
    this.#maps = maps;
    this.#patches = patches;
  }

  /** @param {ArrayBuffer} buffer a safetensors file @throws {Error} if it is not a film */
  static read(buffer) {
    try {
      const view = new DataView(buffer);
      const length = Number(view.getBigUint64(0, true));
      const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
      const header = JSON.parse(head.__metadata__["aand-film"]);
      const bytes = (/** @type {string} */ name) => {
        const [from, to] = head[name].data_offsets;
        return buffer.slice(8 + length + from, 8 + length + to);
      };
      return new Film(header, [1, 2, 3].map((k) => new Uint16Array(bytes(`level${k}`))),
        [1, 2, 3].map((k) => new Uint8Array(bytes(`patches${k}`))));
    } catch {
      throw new Error("this is no film of a training, or a damaged one");
    }
  }

  /** The pictures that are in the frames. */
  get pictures() {
    return this.header.pictures.slice(0, this.header.filmed);
  }

  get frames() {
    return this.header.epochs.length;
  }

  /** The discrepancies of a level, row by row. @param {number} frame @param {number} picture @param {number} level 0 to 2 */
  map(frame, picture, level) {
    const area = this.header.sides[level] ** 2;
    const from = (frame * this.header.filmed + picture) * area;
    return Float32Array.from(this.#maps[level].subarray(from, from + area), half);
  }

  /** The discrepancies of all levels, enlarged to the finest and added up: the anomaly map before it is smoothed. @param {number} frame @param {number} picture */
  sum(frame, picture) {
    const [side] = this.header.sides;
    const total = new Float32Array(side * side);
    this.header.sides.forEach((small, level) => {
      const map = this.map(frame, picture, level);
      // The two neighbors of each row or column, and the weight of the second; centers of patches are aligned.
      const near = Array.from({ length: side }, (_, i) => {
        const at = Math.max(0, Math.min(small - 1, ((i + 0.5) * small) / side - 0.5));
        const first = Math.min(Math.floor(at), Math.max(0, small - 2));
        return { first, second: Math.min(first + 1, small - 1), share: at - first };
      });
      for (const [y, row] of near.entries()) {
        for (const [x, column] of near.entries()) {
          const of = (/** @type {number} */ r) => map[r * small + column.first] * (1 - column.share) + map[r * small + column.second] * column.share;
          total[y * side + x] += of(row.first) * (1 - row.share) + of(row.second) * row.share;
        }
      }
    });
    return total;
  }

  /** Which patches of a level are anomalous, 1 each. @param {number} picture @param {number} level 0 to 2 */
  patches(picture, level) {
    const area = this.header.sides[level] ** 2;
    return this.#patches[level].subarray(picture * area, (picture + 1) * area);
  }

  /** @param {string} name @returns {number} -1 if it is not in the film */
  find(name) {
    return this.header.pictures.findIndex((picture) => labeled(picture.name) === name);
  }
}

/** The sample's name for the film's picture. @param {string} name */
export function labeled(name) {
  const [kind, own = ""] = name.split("/");
  return kind === "good" ? `good-${own.replace(/^0+(?=.)/, "")}.png` : `${kind}.png`;
}

/** A number of 16 bits. @param {number} bits */
function half(bits) {
  const [sign, exponent, rest] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return rest ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + rest / 1024) * 2 ** (exponent - 15) : rest * 2 ** -24);
}
