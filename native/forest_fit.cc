// Definition in src/kernels/forest_fit.ts.
#include <stdexcept>

#include "kernels.h"

namespace sightline {
void ForestFit(const Call&) { throw std::logic_error("not built yet"); }
}  // namespace sightline
