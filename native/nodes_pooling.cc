#include "plan.h"

namespace sightline {

const std::vector<NodeEntry> kPoolingNodes = {};

}  // namespace sightline
