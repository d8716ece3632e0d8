// Definition in src/kernels/forest_predict.ts.
#include <stdexcept>

#include "kernels.h"

namespace sightline {
void ForestPredict(const Call&) { throw std::logic_error("not built yet"); }
}  // namespace sightline
