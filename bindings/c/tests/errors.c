/* errors MODEL PICTURE: what C may do wrong gives a status and words, and pixels score as the file does.
 * Ends with a line that counts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aand.h"

static int passed, failed;

static void check(int right, const char *what, int line) {
  if (right) {
    passed++;
  } else {
    failed++;
    printf("line %d: %s (last error: %s)\n", line, what, aand_last_error());
  }
}
#define CHECK(condition) check((condition) != 0, #condition, __LINE__)
#define SAYS(words) check(strstr(aand_last_error(), words) != NULL, words, __LINE__)

int main(int count, char **arguments) {
  aand_detector *detector = NULL;
  aand_detection *found = NULL, *other = NULL;
  aand_region region;
  size_t width = 1, height = 1;
  unsigned char pixels[6 * 5 * 3];
  unsigned char apart[5 * 32];
  unsigned short deep[6 * 5 * 3];
  float floats[6 * 5 * 3];
  if (count != 3) return 2;

  CHECK(aand_abi() == AAND_ABI);
  CHECK(strchr(aand_version(), '.') != NULL);
  CHECK(aand_last_error()[0] == 0);

  /* Null pointers. */
  CHECK(aand_open(NULL, "cpu", &detector) == AAND_ARGUMENT);
  SAYS("path is NULL");
  CHECK(aand_open(arguments[1], "cpu", NULL) == AAND_ARGUMENT);
  CHECK(aand_detect_file(NULL, arguments[2], &found) == AAND_ARGUMENT);
  SAYS("detector is NULL");
  CHECK(found == NULL);
  CHECK(aand_score(NULL) == 0 && aand_normalized(NULL) == 0 && aand_anomalous(NULL) == 0);
  CHECK(aand_map(NULL, &width, &height) == NULL && width == 0 && height == 0);
  CHECK(aand_map(NULL, NULL, NULL) == NULL);
  CHECK(aand_region_count(NULL) == 0 && aand_region_at(NULL, 0, &region) == AAND_ARGUMENT);
  CHECK(aand_threshold(NULL) == 0 && aand_input_width(NULL) == 0 && aand_input_height(NULL) == 0);
  aand_detector_free(NULL);
  aand_detection_free(NULL);

  /* Wrong files and devices. */
  CHECK(aand_open("no-such-file.aand", "cpu", &detector) == AAND_FILE && detector == NULL);
  SAYS("no-such-file.aand");
  CHECK(aand_open(arguments[2], "cpu", &detector) == AAND_MODEL && detector == NULL);
  CHECK(aand_open(arguments[1], "abacus", &detector) == AAND_ARGUMENT);
  SAYS("abacus");
  CHECK(aand_open(arguments[1], "gpu:1000", &detector) == AAND_DEVICE);

  CHECK(aand_open(arguments[1], "cpu", &detector) == AAND_OK && detector != NULL);
  CHECK(aand_threshold(detector) > 0 && aand_input_width(detector) % 32 == 0 && aand_input_height(detector) > 0);
  CHECK(aand_detect_file(detector, NULL, &found) == AAND_ARGUMENT);
  CHECK(aand_detect_file(detector, arguments[2], NULL) == AAND_ARGUMENT);
  CHECK(aand_detect_file(detector, "no-such.png", &found) == AAND_FILE && found == NULL);
  CHECK(aand_detect_file(detector, arguments[1], &found) == AAND_PICTURE && found == NULL);

  /* Wrong pixels. */
  for (size_t i = 0; i < sizeof pixels; i++) {
    pixels[i] = (unsigned char)(i * 37 % 251);
    deep[i] = (unsigned short)(pixels[i] * 257);
    floats[i] = (float)pixels[i] / 255.0f;
  }
  for (size_t row = 0; row < 5; row++) memcpy(apart + 32 * row, pixels + 18 * row, 18);
#define DETECT(memory, bytes, w, h, c, stride, kind) \
  aand_detect_pixels(detector, memory, bytes, w, h, c, stride, kind, &found)
  CHECK(DETECT(NULL, sizeof pixels, 6, 5, 3, 0, AAND_U8) == AAND_ARGUMENT);
  CHECK(DETECT(pixels, sizeof pixels - 1, 6, 5, 3, 0, AAND_U8) == AAND_ARGUMENT);
  SAYS("do not fit in the 89 bytes");
  CHECK(DETECT(pixels, sizeof pixels, 0, 5, 3, 0, AAND_U8) == AAND_ARGUMENT);
  CHECK(DETECT(pixels, sizeof pixels, 6, 0, 3, 0, AAND_U8) == AAND_ARGUMENT);
  CHECK(DETECT(pixels, sizeof pixels, 6, 5, 0, 0, AAND_U8) == AAND_ARGUMENT);
  CHECK(DETECT(pixels, sizeof pixels, 6, 5, 5, 0, AAND_U8) == AAND_ARGUMENT);
  CHECK(DETECT(pixels, sizeof pixels, 6, 5, 3, 17, AAND_U8) == AAND_ARGUMENT);
  CHECK(DETECT(pixels, sizeof pixels, (size_t)-1, (size_t)-1, 4, 0, AAND_F32) == AAND_ARGUMENT);
  CHECK(DETECT(pixels, sizeof pixels, 6, (size_t)-1, 3, 0, AAND_U8) == AAND_ARGUMENT);
  CHECK(DETECT(pixels, sizeof pixels, 6, 5, 3, 0, (aand_kind)9) == AAND_ARGUMENT);
  CHECK(DETECT(pixels, (size_t)-1, 6, 5, 3, 0, AAND_U8) == AAND_ARGUMENT);
  floats[0] = NAN;
  CHECK(DETECT(floats, sizeof floats, 6, 5, 3, 0, AAND_F32) == AAND_ARGUMENT);
  floats[0] = (float)pixels[0] / 255.0f;
  CHECK(found == NULL);

  /* The same picture, however its pixels are stored. */
  CHECK(DETECT(pixels, sizeof pixels, 6, 5, 3, 0, AAND_U8) == AAND_OK && found != NULL);
  double score = aand_score(found);
  const float *map = aand_map(found, &width, &height);
  float highest = 0;
  for (size_t i = 0; i < width * height; i++) highest = map[i] > highest ? map[i] : highest;
  CHECK(width == aand_input_width(detector) && height == aand_input_height(detector));
  CHECK(score > 0 && (double)highest == score);
  CHECK(aand_anomalous(found) == (score > aand_threshold(detector)));
  CHECK((aand_normalized(found) > 0.5) == aand_anomalous(found));
  CHECK(aand_region_at(found, aand_region_count(found), &region) == AAND_ARGUMENT);
  CHECK(aand_region_at(found, 0, NULL) == AAND_ARGUMENT);
  for (size_t i = 0; i < aand_region_count(found); i++) {
    CHECK(aand_region_at(found, i, &region) == AAND_OK && region.left + region.width <= 6 && region.area > 0);
  }
  struct { const void *memory; size_t bytes, stride; aand_kind kind; } same[] = {
    {apart, sizeof apart, 32, AAND_U8}, {apart, 4 * 32 + 18, 32, AAND_U8},
    {deep, sizeof deep, 0, AAND_U16}, {floats, sizeof floats, 0, AAND_F32},
  };
  for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
    CHECK(aand_detect_pixels(detector, same[i].memory, same[i].bytes, 6, 5, 3, same[i].stride, same[i].kind, &other) == AAND_OK);
    CHECK(aand_score(other) == score);
    aand_detection_free(other);
  }
  aand_detection_free(found);
  aand_detector_free(detector);

  printf("test result: %s. %d passed; %d failed; 0 ignored\n", failed ? "FAILED" : "ok", passed, failed);
  return failed != 0;
}
