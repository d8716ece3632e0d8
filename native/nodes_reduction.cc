#include "plan.h"

namespace sightline {

const std::vector<NodeEntry> kReductionNodes = {};

}  // namespace sightline
