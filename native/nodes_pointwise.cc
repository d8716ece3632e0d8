#include "plan.h"

namespace sightline {

const std::vector<NodeEntry> kPointwiseNodes = {};

}  // namespace sightline
