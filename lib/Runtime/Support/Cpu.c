/* Whether this machine has what the object was compiled for. */
#include "Support.h"

#if defined(__x86_64__)

struct Registers {
  uint32_t values[4];
};

static struct Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  struct Registers result;
  __asm__ volatile("cpuid"
                   : "=a"(result.values[0]), "=b"(result.values[1]),
                     "=c"(result.values[2]), "=d"(result.values[3])
                   : "a"(leaf), "c"(subleaf));
  return result;
}

/* A leaf or subleaf above the highest one holds nothing of meaning. */
static struct Registers read_leaf(uint32_t leaf, uint32_t subleaf) {
  static const struct Registers nothing;
  if (cpuid(leaf & 0x80000000u, 0).values[0] < leaf)
    return nothing;
  if (leaf == 7 && subleaf && cpuid(7, 0).values[0] < subleaf)
    return nothing;
  return cpuid(leaf, subleaf);
}

/* The registers that the system saves when it switches threads. */
static uint32_t saved_state(void) {
  enum { SystemSavesState = 1u << 27 };
  if (!(read_leaf(1, 0).values[2] & SystemSavesState))
    return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

int effattn_check_cpu(const struct EffattnFunction *function) {
  /* Under a hypervisor every cpuid costs microseconds, so that each thread asks
   * once. */
  static _Thread_local const struct EffattnCpuFeature *checked;
  if (!function->feature_count || checked == function->features)
    return EffattnDone;
  uint32_t state = saved_state();
  struct Registers registers = {{0, 0, 0, 0}};
  for (int32_t i = 0; i < function->feature_count; ++i) {
    const struct EffattnCpuFeature *feature = &function->features[i];
    if (!i || feature->leaf != feature[-1].leaf ||
        feature->subleaf != feature[-1].subleaf)
      registers = read_leaf(feature->leaf, feature->subleaf);
    uint32_t value =
        (registers.values[feature->reg & 3] >> feature->shift) & feature->mask;
    if (value >= feature->minimum && (state & feature->state) == feature->state)
      continue;
    struct EffattnText text = effattn_sentence(function->name);
    effattn_put(&text, "this object needs the CPU feature ");
    effattn_put(&text, feature->name);
    effattn_put(&text, ", which this machine lacks");
    return EffattnBadCpu;
  }
  checked = function->features;
  return EffattnDone;
}

#else

int effattn_check_cpu(const struct EffattnFunction *function) {
  (void)function;
  return EffattnDone;
}

#endif
