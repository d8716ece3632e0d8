// The families of a plan's ops.
#include <algorithm>
#include <unordered_map>

#include "plan.h"

namespace sightline {
namespace {

// Built on first use: the families are initialised by then, whatever the order of the files.
const std::unordered_map<std::string, NodeKernel>& Table() {
  static const auto table = [] {
    std::unordered_map<std::string, NodeKernel> all;
    for (const auto* family :
         {&kConvolutionNodes, &kLinearNodes, &kLogicNodes, &kNormalisationNodes, &kNormalisationGradientNodes,
          &kPointwiseNodes, &kPoolingNodes, &kPoolingGradientNodes, &kReductionNodes, &kShapingNodes,
          &kStandardisationNodes}) {
      for (const NodeEntry& entry : *family) all.emplace(entry.op, entry.run);
    }
    return all;
  }();
  return table;
}

}  // namespace

NodeKernel FindNode(const std::string& op) {
  const auto found = Table().find(op);
  return found == Table().end() ? nullptr : found->second;
}

std::vector<std::string> NodeNames() {
  std::vector<std::string> names;
  for (const auto& [name, run] : Table()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace sightline
