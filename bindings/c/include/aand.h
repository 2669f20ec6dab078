/* aand from C: a model file is opened, pictures are judged.
 *
 *   aand_detector *detector = NULL;
 *   aand_detection *found = NULL;
 *   if (aand_open("part.aand", "auto", &detector) || aand_detect_file(detector, "new.jpg", &found)) {
 *     fprintf(stderr, "%s\n", aand_last_error());
 *   } else {
 *     printf("%s %f\n", aand_anomalous(found) ? "anomalous" : "good", aand_score(found));
 *   }
 *   aand_detection_free(found);
 *   aand_detector_free(detector);
 *
 * Link with -laand_c. Paths are UTF-8 (on Unix, any bytes). A detector may be used by several threads at once; what was
 * found belongs to whoever asked. After a fork, the child opens detectors of its own. No function ends the program:
 * what is wrong, null pointers included, is a status, and aand_last_error() has the words.
 *
 * Functions and types here stay as they are; new ones may come, and then AAND_ABI grows by one.
 */
#ifndef AAND_H
#define AAND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define AAND_ABI 1

typedef enum aand_status {
  AAND_OK = 0,
  /* A null pointer, a size that does not fit, an unknown device. */
  AAND_ARGUMENT = 1,
  /* A file could not be read. */
  AAND_FILE = 2,
  /* A picture could not be used. */
  AAND_PICTURE = 3,
  /* The file is no model, damaged, or of another version. */
  AAND_MODEL = 4,
  /* The device is missing or failed. */
  AAND_DEVICE = 5,
  /* Anything else. */
  AAND_FAILED = 6
} aand_status;

/* How the values of pixels are stored. */
typedef enum aand_kind {
  /* uint8_t */
  AAND_U8 = 0,
  /* uint16_t; full scale unless the model was trained with a range */
  AAND_U16 = 1,
  /* float, 0 to 1 unless the model was trained with a range */
  AAND_F32 = 2
} aand_kind;

typedef struct aand_detector aand_detector;
typedef struct aand_detection aand_detection;

/* A region above the threshold, in pixels of the picture. */
typedef struct aand_region {
  /* Of the smallest box around it. */
  uint32_t left, top, width, height;
  /* Its center of gravity. */
  double column, row;
  uint64_t area;
  /* Of the anomaly map within. */
  double maximum, mean;
} aand_region;

/* AAND_ABI of the library, and its version as in "0.1.0". */
uint32_t aand_abi(void);
const char *aand_version(void);

/* What went wrong in the last call of this thread that failed, in one line; "" if none did. It stands until the next
 * failure in this thread. */
const char *aand_last_error(void);

/* Opens a model file; device: "auto" (also NULL: a real GPU, else the CPU), "cpu", "gpu", "gpu:N". */
aand_status aand_open(const char *path, const char *device, aand_detector **detector);
/* NULL is nothing to free. */
void aand_detector_free(aand_detector *detector);

/* The threshold, and the size of the network's input; 0 of NULL. */
double aand_threshold(const aand_detector *detector);
size_t aand_input_width(const aand_detector *detector);
size_t aand_input_height(const aand_detector *detector);

/* Judges a picture in a file: JPEG, PNG, BMP, TIFF, WebP. */
aand_status aand_detect_file(const aand_detector *detector, const char *path, aand_detection **found);

/* Judges a picture in memory: `height` rows of `width` pixels of `channels` values (1 gray, 2 with alpha, 3 red, green,
 * blue, 4 with alpha). A row begins `stride` bytes after the one before it; 0: they touch. `bytes` is the length of the
 * memory at `pixels`; what does not fit in is refused. The memory is not kept. */
aand_status aand_detect_pixels(const aand_detector *detector, const void *pixels, size_t bytes, size_t width,
                               size_t height, size_t channels, size_t stride, aand_kind kind,
                               aand_detection **found);
void aand_detection_free(aand_detection *found);

/* What was found. Of NULL: 0. */
double aand_score(const aand_detection *found);
/* score / (score + threshold): 0.5 is the threshold. */
double aand_normalized(const aand_detection *found);
/* 1 if the score exceeds the threshold. */
int aand_anomalous(const aand_detection *found);
/* The anomaly map of the whole picture, row by row; it lives as long as `found`. */
const float *aand_map(const aand_detection *found, size_t *width, size_t *height);
/* The regions above the threshold, the highest first. */
size_t aand_region_count(const aand_detection *found);
aand_status aand_region_at(const aand_detection *found, size_t index, aand_region *region);

#ifdef __cplusplus
}
#endif

#endif
