// Steps of a compiled graph: ops over dense row-major tensors, run one after another by a plan (plan.cc). A family of
// ops is one file that lists its kernels; plan_ops.cc lists the families.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels.h"

namespace sightline {

enum class ElementKind : uint8_t { kFloat, kInt32, kInt64, kByte };

struct PlanValue {
  void* data = nullptr;  // null: an optional input that is not given
  std::vector<int64_t> dims;
  ElementKind kind = ElementKind::kFloat;

  float* Floats() const { return static_cast<float*>(data); }
  int64_t Count() const {
    int64_t count = 1;
    for (int64_t dim : dims) count *= dim;
    return count;
  }
};

// One op with its values. Attributes are ONNX's, all defaults of windows resolved: `pads` (begins, then ends),
// `strides`, `dilations`, `kernel_shape` and `group` are always there where the op has them; auto_pad never is.
struct PlanNode {
  std::string op;
  std::vector<PlanValue> inputs;
  std::vector<PlanValue> outputs;
  std::vector<std::pair<std::string, std::vector<double>>> attributes;

  bool Has(size_t input) const { return input < inputs.size() && inputs[input].data != nullptr; }
  // Throws std::invalid_argument where it is not given.
  const PlanValue& Input(size_t input) const {
    if (!Has(input)) throw std::invalid_argument("input " + std::to_string(input) + " is missing");
    return inputs[input];
  }
  const std::vector<double>* Find(const char* name) const {
    for (const auto& [key, values] : attributes)
      if (key == name) return &values;
    return nullptr;
  }
  double Number(const char* name, double otherwise) const {
    const auto* values = Find(name);
    return values != nullptr && !values->empty() ? values->front() : otherwise;
  }
  std::vector<int64_t> Integers(const char* name) const {
    const auto* values = Find(name);
    return values != nullptr ? std::vector<int64_t>(values->begin(), values->end()) : std::vector<int64_t>();
  }
};

// A kernel parallelises itself with ParallelFor. Its result must not depend on the number of threads. It throws
// std::exception for what it cannot compute.
using NodeKernel = void (*)(const PlanNode& node);

struct NodeEntry {
  const char* op;
  NodeKernel run;
};

// The families: k<Family>Nodes is the table of nodes_<family>.cc.
extern const std::vector<NodeEntry> kConvolutionNodes;
extern const std::vector<NodeEntry> kLinearNodes;
extern const std::vector<NodeEntry> kLogicNodes;
extern const std::vector<NodeEntry> kNormalisationNodes;
extern const std::vector<NodeEntry> kNormalisationGradientNodes;
extern const std::vector<NodeEntry> kPointwiseNodes;
extern const std::vector<NodeEntry> kPoolingNodes;
extern const std::vector<NodeEntry> kPoolingGradientNodes;
extern const std::vector<NodeEntry> kReductionNodes;
extern const std::vector<NodeEntry> kShapingNodes;
extern const std::vector<NodeEntry> kStandardisationNodes;

// The kernel of an op; null where no family has it.
NodeKernel FindNode(const std::string& op);
std::vector<std::string> NodeNames();

}  // namespace sightline
