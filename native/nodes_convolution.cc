#include "plan.h"

namespace sightline {

const std::vector<NodeEntry> kConvolutionNodes = {};

}  // namespace sightline
