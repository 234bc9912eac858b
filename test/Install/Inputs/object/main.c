#include <model.h>
#include <sequential.h>
#include <stdio.h>

int main(void) {
  float x[] = {1, 2, 3}, y[3], z[3];
  if (scale_plain(x, 2, y, 3) || sequential_scale_plain(y, 10, z, 3)) {
    fprintf(stderr, "%s\n", effattn_last_error());
    return 1;
  }
  printf("%g %g %g\n", z[0], z[1], z[2]);
  return 0;
}
