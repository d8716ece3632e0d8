#include "plan.h"

namespace sightline {

const std::vector<NodeEntry> kNormalisationNodes = {};

}  // namespace sightline
