// Definition in src/kernels/shape2d.ts.
#include <stdexcept>

#include "kernels.h"

namespace sightline {
void Shape2d(const Call&) { throw std::logic_error("not built yet"); }
}  // namespace sightline
