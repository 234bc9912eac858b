#include "first.h"
#include "second.h"

#include <stdio.h>

int main(void) {
  uint16_t half[2] = {0x0000, 0xfc00}, brain[2] = {0x3f80, 0x3f80};
  double wide[2] = {1.0, 2.0};
  uint16_t half_out[2], brain_out[2];
  double wide_out[2];
  printf("first: %d\n", first_every_plain(half, brain, wide, half_out, brain_out,
                                          wide_out, 2));
  printf("erf: 0x%04x 0x%04x\n", half_out[0], half_out[1]);
  printf("second: %d\n", second_every_plain(0, brain, wide, half_out, brain_out,
                                            wide_out, 2));
  printf("%s\n", effattn_last_error());
  return 0;
}
