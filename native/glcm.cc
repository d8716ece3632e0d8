// Definition in src/kernels/glcm.ts.
#include <stdexcept>

#include "kernels.h"

namespace sightline {
void Glcm(const Call&) { throw std::logic_error("not built yet"); }
}  // namespace sightline
