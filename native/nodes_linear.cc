#include "plan.h"

namespace sightline {

const std::vector<NodeEntry> kLinearNodes = {};

}  // namespace sightline
