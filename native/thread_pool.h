#pragma once

#include <cstddef>
#include <functional>

namespace sightline {

// body over [0, count) in `threads` contiguous parts, on the process's threads. A call from inside a body runs on its own
// thread alone. When the threads are taken by another caller, large work gets threads of its own and small work none.
// Rethrows what the first failing part threw, after all are done.
void RunParts(size_t count, size_t bytes, size_t threads, const std::function<void(size_t, size_t)>& body);

// Every environment that loads the addon announces itself: the threads end with the last one, because the library may be
// unloaded then.
void EnterEnvironment();
void LeaveEnvironment();

}  // namespace sightline
