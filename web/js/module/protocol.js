/**
 * The messages between page and worker. A request is answered by any number of `progress` and then by one
 * `done` or one `failed` with the same `id`; a request cancelled before it began is not answered.
 *
 * @typedef {{ id: number, type: "load", bytes: ArrayBuffer, name: string, compute: Wanted, precision: Precision }} LoadRequest
 * @typedef {{ id: number, type: "detect", picture: Blob | ImageData, name: string, preview: number }} DetectRequest
 *   `preview`: the longer side in pixels of the returned picture for display; 0 for none.
 * @typedef {{ id: number, type: "input", picture: Blob, name: string }} InputRequest answered by `ImageData`
 * @typedef {{ id: number, type: "defect", picture: ImageData, seed: number }} DefectRequest answered by `ImageData`
 * @typedef {{ id: number, type: "inspect", picture: ImageData, amplify: boolean, colors: boolean }} InspectRequest
 * @typedef {{ id: number, type: "patch", turn: number, level: number, position: number, similar: boolean }} PatchRequest
 * @typedef {{ id: number, type: "colors", pictures: ImageData[] }} ColorsRequest
 * @typedef {{ id: number, type: "prepare", bytes: ArrayBuffer, name: string }} PrepareRequest
 *   the model's file again, for inspection on the CPU while a GPU detects
 * @typedef {{ id: number, type: "why", picture: Blob, name: string, x: number, y: number, bytes?: ArrayBuffer }} WhyRequest
 *   `x`, `y`: shares of width and height; `bytes`: the model's file, the first time. Answered by `Why` or nothing
 * @typedef {{ id: number, type: "distance", picture: Blob, name: string, bytes?: ArrayBuffer }} DistanceRequest
 *   `bytes`: the model's file, the first time. Answered by a number, or nothing
 * @typedef {{ id: number, type: "drift", pictures: Seen[] }} DriftRequest answered by `Drift`
 * @typedef {{ id: number, type: "memory" }} MemoryRequest
 * @typedef {{ id: number, type: "warm" }} WarmRequest starts the module; answered by nothing
 * @typedef {{ id: number, type: "cancel" }} CancelRequest
 * @typedef {"auto" | "cpu" | "gpu"} Wanted `auto`: a GPU, if there is a real one
 * @typedef {"f32" | "f16"} Precision what a GPU computes with; `f16` only where it has `shader-f16`
 * @typedef {LoadRequest | DetectRequest | InputRequest | DefectRequest | InspectRequest | PatchRequest | ColorsRequest | PrepareRequest | WhyRequest | DistanceRequest | DriftRequest | MemoryRequest | WarmRequest | CancelRequest} Request
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
 * @property {number | { width: number, height: number }} size one number if both are the same
 * @property {Threshold} threshold
 * @property {number} training_pictures
 * @property {"discrepancy" | "gate" | "nearest"} score `nearest`: an instant detector, which has no student
 * @property {{ gate: boolean, generator: boolean, residual: "tanh" | "sigmoid" | "learnable", memory_items: number }} raa
 * @property {string} program
 * @property {{ good: unknown[] }[]} [refinements] every refinement from corrections
 *
 * @typedef {object} Loaded
 * @property {Info} info
 * @property {Uint8Array} colors 256 times red, green, blue: the scale from 0 to twice the threshold
 * @property {string} version
 * @property {"cpu" | "gpu"} compute the device that computes
 * @property {string} adapter the GPU's name, or why there is none
 * @property {boolean} prepare whether a `prepare` must come before the first `inspect`
 *
 * @typedef {object} Found
 * @property {number} score the maximum of the map
 * @property {number} normalized `score / (score + threshold)`: 0.5 is the threshold
 * @property {"good" | "anomalous"} verdict by the model's own threshold
 * @property {Float32Array} map the anomaly map of the whole picture, rows of `side` values
 * @property {number} side columns of the map; its rows follow from its length
 * @property {Region[]} regions the regions above the threshold in an anomalous picture, the highest first
 * @property {number} width of the upright picture, in pixels
 * @property {number} height
 * @property {number} ms milliseconds of decoding, resizing and computing
 * @property {boolean} borrowed whether the browser decoded it, since the module's decoder lacks its format; the
 * score may then differ a little from the native program's
 * @property {Remark} [remark] if its stored values do not fit the range with which they are read
 * @property {Blob} [preview] the upright picture for display
 * @property {Heat} [heat] if a GPU computes and a preview was requested
 *
 * @typedef {object} Remark about a picture of more than 8 bits
 * @property {number} lowest of its stored values
 * @property {number} highest
 * @property {string | null} range with which they are read, as in `0..4095`; null for the full scale
 * @property {string | null} fits the usual range that contains them
 *
 * @typedef {object} Region
 * @property {[number, number, number, number]} box left, top, width and height in pixels of the upright picture
 * @property {[number, number]} center
 * @property {number} area in pixels of the upright picture
 * @property {number} maximum of the map in it
 * @property {number} mean
 *
 * @typedef {{ solid: ImageBitmap, through: ImageBitmap }} Heat the heat map at the map's size, solid and as laid over
 * the picture, drawn by the GPU; must be closed when no longer shown
 *
 * @typedef {object} Level the maps of one level, `side` rows of `side` values each: features as the mean over
 * their channels; parts that the model does not have are missing
 * @property {number} side
 * @property {Float32Array} teacher
 * @property {Float32Array} [gate] 0 to 1
 * @property {Float32Array} [residual] mean of the magnitudes
 * @property {Float32Array} [advanced]
 * @property {Float32Array} [student]
 * @property {Float32Array} discrepancy
 * @property {Float32Array} share the level's part of the anomaly map, at the map's size
 * @property {Colors} [colors] if requested
 *
 * @typedef {object} Colors features along three axes, `[3, side, side]`, mostly 0 to 1; each patch's features are
 * first scaled to length 1, and all are on the same axes
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
 * @typedef {object} Why a patch of the picture and the most similar one of the good pictures
 * @property {ImageData} odd around the patch, as the network receives it
 * @property {ImageData} good around the good one
 * @property {number} cosine of the teacher's features
 *
 * @typedef {object} Seen what is known about one picture
 * @property {number} score
 * @property {boolean} good whether it was judged good
 * @property {number | null} distance to the nearest of the training, if known
 * @property {boolean | null} corrected whether somebody corrected the verdict; null if unknown
 *
 * @typedef {object} Signal
 * @property {"scores" | "distance" | "corrections"} signal
 * @property {"changed" | "usual" | "unknown"} finding `unknown`: there are too few pictures to say
 * @property {string} sentence
 * @property {number | null} since the picture with which the change began, from 0, if there was one
 *
 * @typedef {{ fewest: number, signals: Signal[] }} Drift `fewest`: the number of pictures below which nothing can be
 * said
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
