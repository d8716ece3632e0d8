#pragma once

#include <napi.h>

namespace sightline {

// Adds what JavaScript needs of plans to the addon's exports.
void ExportPlans(Napi::Env env, Napi::Object exports);

}  // namespace sightline
