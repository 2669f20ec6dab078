/* detect MODEL PICTURE...: judges pictures on the CPU; a line for each: path, score, verdict, regions. */
#include <stdio.h>

#include "aand.h"

int main(int count, char **arguments) {
  aand_detector *detector = NULL;
  int failed = 0;
  if (count < 3) {
    fprintf(stderr, "usage: detect MODEL PICTURE...\n");
    return 2;
  }
  if (aand_open(arguments[1], "cpu", &detector) != AAND_OK) {
    fprintf(stderr, "%s\n", aand_last_error());
    return 1;
  }
  for (int i = 2; i < count; i++) {
    aand_detection *found = NULL;
    if (aand_detect_file(detector, arguments[i], &found) != AAND_OK) {
      fprintf(stderr, "%s\n", aand_last_error());
      failed = 1;
      continue;
    }
    printf("%s\t%.17g\t%s\t%zu\n", arguments[i], aand_score(found), aand_anomalous(found) ? "anomalous" : "good",
           aand_region_count(found));
    aand_detection_free(found);
  }
  aand_detector_free(detector);
  return failed;
}
