#include "warp.h"

#include "failure.h"

namespace emulator {

static bool in_mask(unsigned mask, int lane) { return mask >> lane & 1; }

static bool is_shuffle(Call call) { return call >= SHFL && call <= SHFL_XOR; }

// What is wrong with a call that a lane makes, or nullptr.
static const char *misuse(Call call, unsigned mask, int own, int lane, int width) {
  if (!in_mask(mask, own)) return "the calling lane is not in its own mask";
  if (width < 1 || width > (int)WARP || (width & (width - 1)) != 0)
    return "the width is no power of two up to 32";
  if (is_shuffle(call) && call != SHFL && (lane < 0 || lane >= (int)WARP))
    return "the distance between lanes is not within 0 .. 31";
  return nullptr;
}

unsigned long long collective(
    Call call, Site site, unsigned mask, unsigned long long value, int lane, int width) {
  Fiber &fiber = *current;
  const int own = static_cast<int>((&fiber - fibers) % WARP);
  fiber.call = call;
  fiber.site = site;
  fiber.mask = mask;
  fiber.value = value;
  fiber.lane = lane;
  fiber.width = width;
  fiber.state = AT_COLLECTIVE;
  if (const char *what = misuse(call, mask, own, lane, width)) {
    fail(fiber, "calls %s, but %s (mask %08x)", Place(fiber).text, what, mask);
    suspend();
  }
  wait_at_collective();
  return fiber.result;
}

// The lane that a shuffle reads. Lanes outside the segment of `width` lanes read themselves.
static int source_lane(const Fiber &fiber, int own) {
  const int first = own & ~(fiber.width - 1), end = first + fiber.width;
  switch (fiber.call) {
    case SHFL:
      return first + (fiber.lane & (fiber.width - 1));
    case SHFL_UP:
      return own - fiber.lane >= first ? own - fiber.lane : own;
    case SHFL_DOWN:
      return own + fiber.lane < end ? own + fiber.lane : own;
    default:
      return (own ^ fiber.lane) < end ? own ^ fiber.lane : own;
  }
}

static void shuffle_lanes(Fiber *warp, unsigned mask) {
  for (int own = 0; own < (int)WARP; own++) {
    if (!in_mask(mask, own)) continue;
    Fiber &fiber = warp[own];
    const int source = source_lane(fiber, own);
    if (!in_mask(mask, source))
      fail(fiber, "reads lane %d at %s, which is not in the mask %08x", source, Place(fiber).text,
           mask);
    fiber.result = warp[source].value;
  }
}

static void count_votes(Fiber *warp, unsigned mask, Call call) {
  unsigned votes = 0;
  for (int lane = 0; lane < (int)WARP; lane++)
    if (in_mask(mask, lane) && warp[lane].value) votes |= 1u << lane;
  const unsigned result = call == BALLOT ? votes : call == ANY ? votes != 0 : votes == mask;
  for (int lane = 0; lane < (int)WARP; lane++)
    if (in_mask(mask, lane)) warp[lane].result = result;
}

// Whether all lanes of the mask wait at a collective. Fails if they wait at different ones.
static bool all_arrived(const Fiber *warp, const Fiber &first) {
  for (int lane = 0; lane < (int)WARP; lane++) {
    if (!in_mask(first.mask, lane)) continue;
    const Fiber &other = warp[lane];
    if (other.state != AT_COLLECTIVE) return false;
    if (other.site.id != first.site.id || other.mask != first.mask) {
      fail(first, "is at %s with mask %08x, but lane %d is at %s with mask %08x",
           Place(first).text, first.mask, lane, Place(other).text, other.mask);
      return false;
    }
  }
  return true;
}

bool complete_collectives(Fiber *warp) {
  bool progress = false;
  for (int lane = 0; lane < (int)WARP; lane++) {
    const Fiber &first = warp[lane];
    if (first.state != AT_COLLECTIVE || !all_arrived(warp, first)) continue;
    const unsigned mask = first.mask;
    if (is_shuffle(first.call)) shuffle_lanes(warp, mask);
    else if (first.call != SYNCWARP) count_votes(warp, mask, first.call);
    for (int k = 0; k < (int)WARP; k++)
      if (in_mask(mask, k)) warp[k].state = READY;
    progress = true;
  }
  return progress;
}

const Fiber &missing_lane(const Fiber *warp, const Fiber &waiting) {
  int lane = 0;
  while (!in_mask(waiting.mask, lane) || warp[lane].state == AT_COLLECTIVE) lane++;
  return warp[lane];
}

}  // namespace emulator
