#include "plan.h"

namespace sightline {

const std::vector<NodeEntry> kShapingNodes = {};

}  // namespace sightline
