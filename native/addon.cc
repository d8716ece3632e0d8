// Export table and the narrow boundary: JavaScript values become plain structs on the JavaScript thread, the
// kernel runs on a libuv thread, the promise settles back on the JavaScript thread. No process-wide JavaScript
// state, so that any number of worker threads can load the addon.
#include <napi.h>
#ifdef __linux__
#include <dlfcn.h>
#endif

#include "kernels.h"
#include "plan_binding.h"
#include "promise_worker.h"
#include "simd.h"
#include "thread_pool.h"

namespace {

using Kernel = void (*)(const sightline::Call&);

struct Entry {
  const char* name;
  Kernel run;
};

// One line a kernel.
constexpr Entry kKernels[] = {
    {"dice", sightline::Dice},
    {"dropout_mask", sightline::DropoutMask},
    {"first_order", sightline::FirstOrder},
    {"forest_fit", sightline::ForestFit},
    {"forest_predict", sightline::ForestPredict},
    {"glcm", sightline::Glcm},
    {"gradcam", sightline::GradCam},
    {"gradient_norm", sightline::GradientNorm},
    {"histogram", sightline::Histogram},
    {"nearest", sightline::Nearest},
    {"optimiser_step", sightline::OptimiserStep},
    {"pairwise", sightline::Pairwise},
    {"quantile", sightline::Quantile},
    {"resize", sightline::Resize},
    {"shape2d", sightline::Shape2d},
    {"warp", sightline::Warp},
};

size_t ElementSize(napi_typedarray_type type) {
  switch (type) {
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
    case napi_float32_array:
    case napi_int32_array:
    case napi_uint32_array:
      return 4;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    default:
      return 1;
  }
}

std::vector<sightline::Array> Arrays(const Napi::Object& object) {
  std::vector<sightline::Array> arrays;
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    sightline::Array array;
    array.name = names.Get(i).As<Napi::String>();
    const Napi::Value value = object.Get(array.name);
    if (!value.IsTypedArray()) throw Napi::TypeError::New(object.Env(), array.name + " must be a typed array");
    napi_typedarray_type type;
    // The array buffer is not asked for: it throws for typed arrays over a SharedArrayBuffer.
    if (napi_get_typedarray_info(object.Env(), value, &type, &array.length, &array.data, nullptr, nullptr) != napi_ok) {
      throw Napi::TypeError::New(object.Env(), array.name + " cannot be read");
    }
    array.element = ElementSize(type);
    arrays.push_back(array);
  }
  return arrays;
}

class KernelWorker : public sightline::PromiseWorker {
 public:
  KernelWorker(const Napi::CallbackInfo& info, const Entry& entry)
      : PromiseWorker(info.Env(), entry.name, entry.name), entry_(entry) {
    const Napi::Object inputs = info[0].As<Napi::Object>();
    const Napi::Object outputs = info[1].As<Napi::Object>();
    const Napi::Object numbers = info[2].As<Napi::Object>();
    call_.inputs = Arrays(inputs);
    call_.outputs = Arrays(outputs);
    const Napi::Array names = numbers.GetPropertyNames();
    for (uint32_t i = 0; i < names.Length(); ++i) {
      const std::string name = names.Get(i).As<Napi::String>();
      call_.numbers.emplace_back(name, numbers.Get(name).ToNumber().DoubleValue());
    }
    Hold(inputs);
    Hold(outputs);
  }

 protected:
  void Work() override {
    const sightline::ThreadLimit limit(static_cast<int>(call_.NumberOr("threads", 0)));
    entry_.run(call_);
  }

 private:
  const Entry& entry_;
  sightline::Call call_;
};

Napi::Value RunKernel(const Napi::CallbackInfo& info) {
  const auto* entry = static_cast<const Entry*>(info.Data());
  if (info.Length() != 3 || !info[0].IsObject() || !info[1].IsObject() || !info[2].IsObject()) {
    throw Napi::TypeError::New(info.Env(), std::string(entry->name) + ": expected (inputs, outputs, numbers)");
  }
  return (new KernelWorker(info, *entry))->Start();
}

// Whether the system's loader finds a shared library by this name.
bool FindsLibrary(const std::string& name) {
#ifdef __linux__
  void* library = dlopen(name.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (library) dlclose(library);
  return library != nullptr;
#else
  return !name.empty();  // asked on Linux only
#endif
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  Napi::Object kernels = Napi::Object::New(env);
  for (const Entry& entry : kKernels) {
    kernels.Set(entry.name, Napi::Function::New(env, RunKernel, entry.name, const_cast<Entry*>(&entry)));
  }
  exports.Set("kernels", kernels);
  exports.Set("cpuTarget", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return Napi::String::New(info.Env(), sightline::TargetName(sightline::ActiveTarget()));
              }));
  exports.Set("setCpuTarget", Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
                const std::string name = info[0].ToString();
                if (!sightline::SetTarget(name.c_str())) throw Napi::Error::New(info.Env(), "this CPU has no target \"" + name + "\"");
              }));
  // setThreads(n) sets the number of threads and returns it; 0 only asks.
  exports.Set("setThreads", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                const int count = info[0].ToNumber().Int32Value();
                if (count > 0) sightline::SetThreads(count);
                return Napi::Number::New(info.Env(), sightline::Threads());
              }));
  exports.Set("findsLibrary", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return Napi::Boolean::New(info.Env(), FindsLibrary(info[0].ToString()));
              }));
  sightline::ExportPlans(env, exports);
  sightline::EnterEnvironment();
  env.AddCleanupHook(sightline::LeaveEnvironment);
  return exports;
}

}  // namespace

NODE_API_MODULE(sightline, Init)
