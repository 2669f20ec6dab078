// Detection for any page: `import { Detector } from "./aand.js"`. All computation runs in a separate worker.

/** @typedef {import("./protocol.js").Info} Info */
/** @typedef {import("./protocol.js").Found} Found */
/** @typedef {import("./protocol.js").Loaded} Loaded */
/** @typedef {(done: number, total: number) => void} Progress */
/** @typedef {{ signal?: AbortSignal, progress?: Progress }} Options */
/** @typedef {{ resolve: (value: any) => void, reject: (reason: Error) => void, progress?: Progress }} Waiting */

/** A worker without a model that has started the module, for the next model. @type {Worker | undefined} */
let spare;

/** Starts the module ahead of a model, so that the model need not wait for it. */
export function warm() {
  if (spare) return;
  const worker = spare = start();
  worker.postMessage({ id: -1, type: "warm" });
  // Whoever needs the module next is told why it does not start.
  worker.onerror = (event) => {
    event.preventDefault();
    if (spare === worker) spare = undefined;
  };
}

const start = () => new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "aand" });

/** A model in a worker. */
export class Detector {
  /** @type {Worker | undefined} */
  #worker;
  /** @type {Map<number, Waiting>} */
  #waiting = new Map();
  #next = 0;
  #bytes;
  #name;
  /** @type {import("./protocol.js").Wanted} */
  #wanted;
  /** @type {import("./protocol.js").Precision} */
  #precision;
  /** @type {Promise<unknown> | undefined} */
  #ready;

  /** Use {@link Detector.load}. @param {Blob} bytes @param {string} name @param {import("./protocol.js").Wanted} wanted @param {import("./protocol.js").Precision} precision */
  constructor(bytes, name, wanted, precision) {
    this.#bytes = bytes;
    this.#name = name;
    this.#wanted = wanted;
    this.#precision = precision;
  }

  /**
   * Loads a model file (`.aand`).
   * @param {Blob | ArrayBuffer | string | URL} source the file, its bytes or its address
   * @param {{ name?: string, signal?: AbortSignal, compute?: import("./protocol.js").Wanted,
   *   precision?: import("./protocol.js").Precision }} [options] `f16`: less memory to move, scores within 1 %
   * @returns {Promise<Detector>}
   * @throws {Error} `ModelError` if it is not a model, or is truncated, damaged or of another version
   */
  static async load(source, { name, signal, compute = "auto", precision = "f32" } = {}) {
    let bytes;
    if (source instanceof Blob) bytes = source;
    else if (source instanceof ArrayBuffer) bytes = new Blob([source]);
    else {
      const response = await fetch(source, { signal });
      if (!response.ok) throw new Error(`${source}: ${response.status} ${response.statusText}`);
      bytes = await response.blob();
    }
    const given = source instanceof File ? source.name : "the model";
    const detector = new Detector(bytes, name ?? given, compute, precision);
    try {
      await detector.#start();
      return detector;
    } catch (error) {
      detector.close();
      throw error;
    }
  }

  /**
   * The same model again, in a separate worker on the CPU, to judge several pictures at a time.
   * @returns {Promise<Detector>}
   */
  async another() {
    return Detector.load(this.#bytes, { name: this.#name, compute: "cpu" });
  }

  /** The model's header. @type {Info} */
  info = /** @type {any} */ (undefined);
  /** 256 times red, green, blue: the heat maps' scale from 0 to twice the threshold. */
  colors = new Uint8Array();
  /** The module's version. */
  version = "";
  /** The device that computes. @type {"cpu" | "gpu"} */
  compute = "cpu";
  /** The name of the GPU, or `none`. */
  adapter = "none";
  /** Whether the first {@link Detector.inspect} must also load the model on the CPU. */
  prepare = false;
  /** Whether the worker has the good pictures. */
  #asked = false;
  /** Whether it has their embeddings. */
  #near = false;
  /** Why the CPU took over from the GPU; empty if it did not. */
  fallback = "";

  /**
   * Judges a picture: a file is decoded as in the native program, so that the scores are the same.
   * @param {Blob | ImageData} picture
   * @param {Options & { name?: string, preview?: number }} [options] `preview`: see the protocol
   * @returns {Promise<Found>}
   * @throws {Error} `PictureError` if it cannot be used, `AbortError` if it was cancelled
   */
  async detect(picture, { name, preview = 0, signal, progress } = {}) {
    const called = name ?? (picture instanceof File ? picture.name : "the picture");
    const request = { type: "detect", picture, name: called, preview };
    await this.#start();
    const { compute } = this;
    try {
      return await this.#ask(request, { signal, progress });
    } catch (error) {
      // A picture that was too large for the module says nothing about the GPU; the next one restarts the module on
      // it.
      if (compute === "cpu" || this.#worker || signal?.aborted || /** @type {any} */ (error)?.name === "ModuleError") throw error;
      // A GPU that failed or was lost: the CPU takes over, with the same scores.
      this.#giveUpGpu(error);
      await this.#start();
      return this.#ask(request, { signal, progress });
    }
  }

  /**
   * A picture as the network receives it: decoded, upright, scaled to its square.
   * @param {Blob} picture
   * @param {{ name?: string }} [options]
   * @returns {Promise<ImageData>}
   * @throws {Error} `PictureError` if it cannot be used
   */
  async input(picture, { name } = {}) {
    await this.#start();
    return this.#ask({ type: "input", picture, name: name ?? (picture instanceof File ? picture.name : "the picture") });
  }

  /**
   * A synthetic anomaly as in training; the same seed gives the same one.
   * @param {ImageData} picture from {@link Detector.input}
   * @param {number} seed
   * @returns {Promise<ImageData>}
   */
  async defect(picture, seed) {
    await this.#start();
    return this.#ask({ type: "defect", picture, seed });
  }

  /**
   * Every step of the method on one picture, computed on the CPU.
   * @param {ImageData} picture from {@link Detector.input}
   * @param {{ amplify?: boolean, colors?: boolean, signal?: AbortSignal }} [options] `amplify` off: without the residual
   *   module; `colors`: the features of teacher and student in three colors too
   * @returns {Promise<import("./protocol.js").IntermediateFeatures>}
   */
  async inspect(picture, { amplify = true, colors = false, signal } = {}) {
    await this.#inspector(signal);
    return this.#ask({ type: "inspect", picture, amplify, colors }, { signal });
  }

  /**
   * The numbers behind one patch of a picture that was looked into.
   * @param {number} turn of the answer of {@link Detector.inspect}
   * @param {number} level 0 to 2
   * @param {number} position of the patch, row by row
   * @returns {Promise<import("./protocol.js").Patch | undefined>} `undefined` if too many other pictures were
   * looked into since
   */
  async patch(turn, level, position) {
    await this.#start();
    return this.#ask({ type: "patch", turn, level, position, similar: false });
  }

  /**
   * How similar each patch is to one of them for the teacher: cosines, row by row. As {@link Detector.patch}.
   * @param {number} turn @param {number} level @param {number} position
   * @returns {Promise<Float32Array | undefined>}
   */
  async similar(turn, level, position) {
    await this.#start();
    return this.#ask({ type: "patch", turn, level, position, similar: true });
  }

  /**
   * The patch of the good pictures that is most similar to one of a picture.
   * @param {Blob} picture
   * @param {{ x: number, y: number }} place shares of width and height
   * @param {{ name?: string }} [options]
   * @returns {Promise<import("./protocol.js").Why | undefined>} `undefined` if the model keeps no good
   * pictures
   */
  async why(picture, { x, y }, { name } = {}) {
    await this.#start();
    const bytes = this.#asked ? undefined : await this.#bytes.arrayBuffer();
    this.#asked = true;
    const called = name ?? (picture instanceof File ? picture.name : "the picture");
    return this.#ask({ type: "why", picture, name: called, x, y, bytes }, {}, bytes ? [bytes] : []);
  }

  /**
   * How far a picture is from the good ones of the training, by embeddings (src/embedding), computed on the CPU.
   * @param {Blob} picture
   * @param {{ name?: string }} [options]
   * @returns {Promise<number | undefined>} `undefined` if the model keeps no embeddings
   * @throws {Error} `PictureError` if it cannot be used
   */
  async distance(picture, { name } = {}) {
    await this.#start();
    const bytes = this.#near ? undefined : await this.#bytes.arrayBuffer();
    this.#near = true;
    const called = name ?? (picture instanceof File ? picture.name : "the picture");
    return this.#ask({ type: "distance", picture, name: called, bytes }, {}, bytes ? [bytes] : []);
  }

  /**
   * Whether something has changed since the training, from the judged pictures (`aand watch`).
   * @param {import("./protocol.js").Seen[]} pictures in the order in which they were taken
   * @returns {Promise<import("./protocol.js").Drift>}
   */
  async drift(pictures) {
    await this.#start();
    return this.#ask({ type: "drift", pictures });
  }

  /**
   * Fixes the colors of features with good pictures; otherwise each picture has its own.
   * @param {ImageData[]} pictures from {@link Detector.input}
   */
  async fixColors(pictures) {
    await this.#inspector();
    await this.#ask({ type: "colors", pictures });
  }

  /** @param {AbortSignal} [signal] */
  async #inspector(signal) {
    await this.#start();
    if (!this.prepare) return;
    const bytes = await this.#bytes.arrayBuffer();
    await this.#ask({ type: "prepare", bytes, name: this.#name }, { signal }, [bytes]);
    this.prepare = false;
  }

  /** Bytes of the module's memory, and bytes that its worker has downloaded.
   * @returns {Promise<{ memory: number, downloaded: number }>} */
  async memory() {
    return this.#worker ? this.#ask({ type: "memory" }) : { memory: 0, downloaded: 0 };
  }

  /** Ends the worker; pending calls fail. */
  close() {
    this.#end(Object.assign(new Error("closed"), { name: "AbortError" }));
  }

  #start() {
    this.#ready ??= (async () => {
      const load = async () => {
        const bytes = await this.#bytes.arrayBuffer();
        return this.#ask({ type: "load", bytes, name: this.#name, compute: this.#wanted, precision: this.#precision }, {}, [bytes]);
      };
      /** @type {Loaded} */
      const loaded = await load().catch((error) => {
        if (this.#wanted !== "auto" || error.name !== "DetectionError") throw error;
        this.#giveUpGpu(error);
        return load();
      });
      return Object.assign(this, loaded);
    })();
    return this.#ready;
  }

  /** @param {unknown} error */
  #giveUpGpu(error) {
    this.#wanted = "cpu";
    // The rest of the message is the native program's remedy.
    this.fallback = (error instanceof Error ? error.message : String(error)).replace(/; use [^;]*$/, "");
  }

  /** @param {Error} reason */
  #end(reason) {
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#ready = undefined;
    this.#asked = this.#near = false;
    for (const { reject } of this.#waiting.values()) reject(reason);
    this.#waiting.clear();
  }

  #run() {
    if (this.#worker) return this.#worker;
    const worker = spare ?? start();
    spare = undefined;
    worker.onmessage = ({ data }) => this.#answered(data);
    worker.onerror = (event) => {
      event.preventDefault();
      const said = event.message ? `: ${event.message}` : "; is the connection down?";
      this.#end(Object.assign(new Error(`the computing module could not be started${said}`), { name: "ModuleError" }));
    };
    this.#worker = worker;
    return worker;
  }

  /** @param {import("./protocol.js").Answer} answer */
  #answered(answer) {
    const waiting = this.#waiting.get(answer.id);
    if (answer.type === "progress") {
      waiting?.progress?.(answer.done, answer.total);
      return;
    }
    this.#waiting.delete(answer.id);
    if (answer.type === "done") return waiting?.resolve(answer.result);
    const error = Object.assign(new Error(answer.message), { name: answer.name });
    waiting?.reject(error);
    // The next call starts a fresh worker with the same model.
    if (answer.fatal) this.#end(error);
  }

  /**
   * @param {any} request
   * @param {Options} [options]
   * @param {Transferable[]} [transfer]
   * @returns {Promise<any>}
   */
  #ask(request, { signal, progress } = {}, transfer = []) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted());
      const id = this.#next++;
      const worker = this.#run();
      this.#waiting.set(id, { resolve, reject, progress });
      // A running computation goes on, but its result is ignored.
      signal?.addEventListener("abort", () => {
        if (!this.#waiting.delete(id)) return;
        worker.postMessage({ id, type: "cancel" });
        reject(aborted());
      }, { once: true });
      worker.postMessage({ ...request, id }, { transfer });
    });
  }
}

function aborted() {
  return new DOMException("cancelled", "AbortError");
}
