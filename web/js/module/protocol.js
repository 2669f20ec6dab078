/**
 * The messages between page and worker. A request is answered by any number of `progress` and then by one
 * `done` or one `failed` with the same `id`; a cancelled one that had not begun by nothing.
 *
 * @typedef {{ id: number, type: "load", bytes: ArrayBuffer, name: string, compute: Wanted, precision: Precision }} LoadRequest
 * @typedef {{ id: number, type: "detect", picture: Blob | ImageData, name: string, preview: number }} DetectRequest
 *   `preview`: the longer side of the picture that comes back for showing, in pixels; 0 for none.
 * @typedef {{ id: number, type: "input", picture: Blob, name: string }} InputRequest answered by `ImageData`
 * @typedef {{ id: number, type: "defect", picture: ImageData, seed: number }} DefectRequest answered by `ImageData`
 * @typedef {{ id: number, type: "inspect", picture: ImageData, amplify: boolean, colors: boolean }} InspectRequest
 * @typedef {{ id: number, type: "patch", turn: number, level: number, position: number, similar: boolean }} PatchRequest
 * @typedef {{ id: number, type: "colors", pictures: ImageData[] }} ColorsRequest
 * @typedef {{ id: number, type: "prepare", bytes: ArrayBuffer, name: string }} PrepareRequest
 *   the model's file once more, for inspection on the CPU while a GPU detects
 * @typedef {{ id: number, type: "why", picture: Blob, name: string, x: number, y: number, bytes?: ArrayBuffer }} WhyRequest
 *   `x`, `y`: shares of width and height; `bytes`: the model's file, the first time. Answered by `Why` or nothing
 * @typedef {{ id: number, type: "distance", picture: Blob, name: string, bytes?: ArrayBuffer }} DistanceRequest
 *   `bytes`: the model's file, the first time. Answered by a number, or nothing
 * @typedef {{ id: number, type: "drift", pictures: Seen[] }} DriftRequest answered by `Drift`
 * @typedef {{ id: number, type: "memory" }} MemoryRequest
 * @typedef {{ id: number, type: "cancel" }} CancelRequest
 * @typedef {"auto" | "cpu" | "gpu"} Wanted `auto`: a GPU, if there is a real one
 * @typedef {"f32" | "f16"} Precision what a GPU computes with; `f16` only where it has `shader-f16`
 * @typedef {LoadRequest | DetectRequest | InputRequest | DefectRequest | InspectRequest | PatchRequest | ColorsRequest | PrepareRequest | WhyRequest | DistanceRequest | DriftRequest | MemoryRequest | CancelRequest} Request
 *
 * @typedef {{ id: number, type: "progress", done: number, total: number }} ProgressAnswer
 * @typedef {{ id: number, type: "done", result: any }} DoneAnswer
 * @typedef {{ id: number, type: "failed", name: string, message: string, fatal: boolean }} FailedAnswer
 *   `fatal`: the module cannot go on; the worker must be replaced.
 * @typedef {ProgressAnswer | DoneAnswer | FailedAnswer} Answer
 *
 * @typedef {object} Threshold
 * @property {number} value the score above which a picture is called anomalous
 * @property {string} method
 * @property {number} pictures
 * @property {string} reliability
 * @property {boolean} reliable
 *
 * @typedef {object} Info the header of a model file
 * @property {string} name
 * @property {string} backbone
 * @property {string} teacher
 * @property {number | { width: number, height: number }} size one number where both are the same
 * @property {Threshold} threshold
 * @property {number} training_pictures
 * @property {"discrepancy" | "gate" | "nearest"} score `nearest`: an instant detector, which has no student
 * @property {{ gate: boolean, generator: boolean, residual: "tanh" | "sigmoid" | "learnable", memory_items: number }} raa
 * @property {string} program
 * @property {{ good: unknown[] }[]} [refinements] each time that it learned from corrections
 *
 * @typedef {object} Loaded
 * @property {Info} info
 * @property {Uint8Array} colors 256 times red, green, blue: the scale from 0 to twice the threshold
 * @property {string} version
 * @property {"cpu" | "gpu"} compute what is computed on
 * @property {string} adapter which GPU, or why none
 * @property {boolean} prepare whether a `prepare` must come before the first `inspect`
 *
 * @typedef {object} Found
 * @property {number} score the maximum of the map
 * @property {number} normalized `score / (score + threshold)`: 0.5 is the threshold
 * @property {"good" | "anomalous"} verdict by the model's own threshold
 * @property {Float32Array} map the anomaly map of the whole picture, rows of `side` values
 * @property {number} side columns of the map; its rows follow from its length
 * @property {Region[]} regions what is above the threshold in an anomalous picture, the highest first
 * @property {number} width of the upright picture, in pixels
 * @property {number} height
 * @property {number} ms milliseconds of decoding, resizing and computing
 * @property {boolean} borrowed whether the browser decoded it, for the module's own decoder lacks its kind: then the
 *   score may differ a little from the native program's
 * @property {Remark} [remark] where its stored values do not fit the range they are read with
 * @property {Blob} [preview] the upright picture for showing
 * @property {Heat} [heat] where a GPU computes and a preview is asked for
 *
 * @typedef {object} Remark on a picture of more than 8 bits
 * @property {number} lowest of its stored values
 * @property {number} highest
 * @property {string | null} range they are read with, as in `0..4095`; none: the full scale
 * @property {string | null} fits the usual range that holds them
 *
 * @typedef {object} Region
 * @property {[number, number, number, number]} box left, top, width and height in pixels of the upright picture
 * @property {[number, number]} center
 * @property {number} area in pixels of the upright picture
 * @property {number} maximum of the map within
 * @property {number} mean
 *
 * @typedef {{ solid: ImageBitmap, through: ImageBitmap }} Heat the heat map, of the map's size, as the GPU drew it, and
 *   as it is laid over the picture; to be closed when it is no longer shown
 *
 * @typedef {object} Level what one level makes of a picture, `side` rows of `side` values each: features as the
 *   mean over their channels; a part that the model has not is missing
 * @property {number} side
 * @property {Float32Array} teacher
 * @property {Float32Array} [gate] 0 to 1
 * @property {Float32Array} [residual] mean of the magnitudes
 * @property {Float32Array} [advanced]
 * @property {Float32Array} [student]
 * @property {Float32Array} discrepancy
 * @property {Float32Array} share what the level adds to the anomaly map, at the map's size
 * @property {Colors} [colors] where they were asked for
 *
 * @typedef {object} Colors features along three axes, `[3, side, side]`, 0 to 1 and some beyond; each patch's features
 *   are brought to length 1 first, and all are on the same axes
 * @property {Float32Array} teacher
 * @property {Float32Array} [advanced]
 * @property {Float32Array} [student]
 * @property {Float64Array} shares of the teacher's variance along each axis
 *
 * @typedef {object} Patch
 * @property {Float32Array} teacher its vector
 * @property {Float32Array} [advanced]
 * @property {Float32Array} [student]
 * @property {number} cosine of advanced teacher and student
 * @property {Float64Array} [memoryCosines] of the gate's query and the memory items, the normal ones first
 * @property {Float64Array} [memoryShares] their softmax
 * @property {number} [gate] the sum of the anomalous items' shares
 *
 * @typedef {object} Why a patch of the picture and the one of the good pictures that is most like it
 * @property {ImageData} odd around the patch, as the network gets it
 * @property {ImageData} good around the good one
 * @property {number} cosine of the teacher's features
 *
 * @typedef {object} Seen what is known of one picture
 * @property {number} score
 * @property {boolean} good whether it was judged good
 * @property {number | null} distance to the nearest of the training, where it is known
 * @property {boolean | null} corrected whether somebody corrected the verdict; null where nobody says
 *
 * @typedef {object} Signal
 * @property {"scores" | "distance" | "corrections"} signal
 * @property {"changed" | "usual" | "unknown"} finding `unknown`: there are too few pictures to say
 * @property {string} sentence
 * @property {number | null} since which picture, from 0, where it changed
 *
 * @typedef {{ fewest: number, signals: Signal[] }} Drift `fewest`: numbers of pictures below which nothing can be said
 *
 * @typedef {object} IntermediateFeatures
 * @property {Level[]} levels
 * @property {Float32Array} map the anomaly map: the sum of the shares
 * @property {number} side of the map
 * @property {number} score its maximum
 * @property {number} ms
 * @property {number} turn for questions about its patches
 */
export {};
