// The boundary of plans: JavaScript values become PlanNodes.
#include "plan_binding.h"

#include <cstring>
#include <memory>

#include "plan_run.h"
#include "promise_worker.h"

namespace sightline {
namespace {

ElementKind KindOf(napi_typedarray_type type) {
  switch (type) {
    case napi_float32_array: return ElementKind::kFloat;
    case napi_int32_array: return ElementKind::kInt32;
    case napi_bigint64_array: return ElementKind::kInt64;
    case napi_uint8_array: return ElementKind::kByte;
    default: throw std::invalid_argument("a plan's values are f32, i32, i64 or u8");
  }
}

// { data, dims }, or null where an optional input is not given.
PlanValue ValueOf(const Napi::Value& given) {
  PlanValue value;
  if (!given.IsObject()) return value;
  const Napi::Object object = given.As<Napi::Object>();
  napi_typedarray_type type;
  size_t length;
  // The array buffer is not asked for: it throws for typed arrays over a SharedArrayBuffer.
  if (napi_get_typedarray_info(given.Env(), object.Get("data"), &type, &length, &value.data, nullptr, nullptr) != napi_ok) {
    throw std::invalid_argument("a plan's value needs a typed array");
  }
  value.kind = KindOf(type);
  const Napi::Array dims = object.Get("dims").As<Napi::Array>();
  for (uint32_t i = 0; i < dims.Length(); ++i) value.dims.push_back(dims.Get(i).ToNumber().Int64Value());
  if (value.Count() != static_cast<int64_t>(length)) throw std::invalid_argument("a value's dims do not fit its array");
  return value;
}

std::vector<PlanValue> ValuesOf(const Napi::Value& given) {
  const Napi::Array list = given.As<Napi::Array>();
  std::vector<PlanValue> values;
  for (uint32_t i = 0; i < list.Length(); ++i) values.push_back(ValueOf(list.Get(i)));
  return values;
}

// { name: number | number[] }.
std::vector<std::pair<std::string, std::vector<double>>> AttributesOf(const Napi::Value& given) {
  const Napi::Object object = given.As<Napi::Object>();
  const Napi::Array names = object.GetPropertyNames();
  std::vector<std::pair<std::string, std::vector<double>>> attributes;
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>();
    const Napi::Value value = object.Get(name);
    std::vector<double> numbers;
    if (value.IsArray()) {
      const Napi::Array list = value.As<Napi::Array>();
      for (uint32_t j = 0; j < list.Length(); ++j) numbers.push_back(list.Get(j).ToNumber().DoubleValue());
    } else {
      numbers.push_back(value.ToNumber().DoubleValue());
    }
    attributes.emplace_back(name, std::move(numbers));
  }
  return attributes;
}

// runNode(op, inputs, outputs, attributes): one op at once, on the calling thread; for tests of single kernels.
void RunNode(const Napi::CallbackInfo& info) {
  try {
    PlanNode node;
    node.op = info[0].ToString();
    node.inputs = ValuesOf(info[1]);
    node.outputs = ValuesOf(info[2]);
    node.attributes = AttributesOf(info[3]);
    const NodeKernel kernel = FindNode(node.op);
    if (kernel == nullptr) throw std::invalid_argument("no such op");
    kernel(node);
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), std::string(info[0].ToString()) + ": " + error.what());
  }
}

using PlanHandle = std::shared_ptr<Plan>;

template <typename T>
std::vector<T> NumbersOf(const Napi::Value& given) {
  const Napi::Array list = given.As<Napi::Array>();
  std::vector<T> numbers;
  for (uint32_t i = 0; i < list.Length(); ++i) numbers.push_back(static_cast<T>(list.Get(i).ToNumber().Int64Value()));
  return numbers;
}

PlacedValue PlacedValueOf(const Napi::Object& object) {
  PlacedValue value;
  value.dims = NumbersOf<int64_t>(object.Get("dims"));
  value.kind = static_cast<ElementKind>(object.Get("kind").ToNumber().Uint32Value());
  value.place = static_cast<Place>(object.Get("place").ToNumber().Uint32Value());
  value.at = static_cast<size_t>(object.Get("at").ToNumber().Int64Value());
  return value;
}

PlanStep StepOf(const Napi::Object& object) {
  PlanStep step;
  step.node.op = object.Get("op").ToString();
  step.node.attributes = AttributesOf(object.Get("attributes"));
  step.name = object.Get("name").ToString();
  step.inputs = NumbersOf<int>(object.Get("inputs"));
  step.outputs = NumbersOf<int>(object.Get("outputs"));
  return step;
}

// createPlan({ steps, values, constants: { at, bytes }[], constantBytes, arenaBytes }) -> handle.
Napi::Value CreatePlan(const Napi::CallbackInfo& info) {
  try {
    const Napi::Object given = info[0].As<Napi::Object>();
    const Napi::Array steps = given.Get("steps").As<Napi::Array>();
    const Napi::Array values = given.Get("values").As<Napi::Array>();
    const Napi::Array constants = given.Get("constants").As<Napi::Array>();
    std::vector<PlanStep> all_steps;
    std::vector<PlacedValue> all_values;
    for (uint32_t i = 0; i < steps.Length(); ++i) {
      const Napi::HandleScope scope(info.Env());
      all_steps.push_back(StepOf(steps.Get(i).As<Napi::Object>()));
    }
    for (uint32_t i = 0; i < values.Length(); ++i) {
      const Napi::HandleScope scope(info.Env());
      all_values.push_back(PlacedValueOf(values.Get(i).As<Napi::Object>()));
    }
    const auto whole = static_cast<size_t>(given.Get("constantBytes").ToNumber().Int64Value());
    AlignedBytes bytes(whole);
    for (uint32_t i = 0; i < constants.Length(); ++i) {
      const Napi::HandleScope scope(info.Env());
      const Napi::Object constant = constants.Get(i).As<Napi::Object>();
      const auto at = static_cast<size_t>(constant.Get("at").ToNumber().Int64Value());
      napi_typedarray_type type;
      size_t length;
      void* data;
      if (napi_get_typedarray_info(info.Env(), constant.Get("bytes"), &type, &length, &data, nullptr, nullptr) != napi_ok ||
          type != napi_uint8_array || at + length > whole) {
        throw std::invalid_argument("a plan's constants are bytes");
      }
      if (length > 0) std::memcpy(bytes.data() + at, data, length);
    }
    auto plan = std::make_shared<Plan>(std::move(all_steps), std::move(all_values), std::move(bytes),
                                       static_cast<size_t>(given.Get("arenaBytes").ToNumber().Int64Value()));
    return Napi::External<PlanHandle>::New(info.Env(), new PlanHandle(std::move(plan)),
                                           [](Napi::Env, PlanHandle* handle) { delete handle; });
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Napi::Error::New(info.Env(), "no memory for the constants");
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

// The arrays of one side of a run, held against the values that they stand for.
std::vector<void*> ArraysOf(const Napi::Value& given, const Plan& plan, Place place) {
  const Napi::Array list = given.As<Napi::Array>();
  std::vector<void*> pointers(list.Length());
  std::vector<std::pair<ElementKind, size_t>> found(list.Length());
  for (uint32_t i = 0; i < list.Length(); ++i) {
    napi_typedarray_type type;
    if (napi_get_typedarray_info(given.Env(), list.Get(i), &type, &found[i].second, &pointers[i], nullptr, nullptr) != napi_ok) {
      throw std::invalid_argument("a plan runs on typed arrays");
    }
    found[i].first = KindOf(type);
  }
  for (const PlacedValue& value : plan.values()) {
    if (value.place != place) continue;
    const PlanValue wanted{nullptr, value.dims, value.kind};
    if (value.at >= found.size() || found[value.at].first != value.kind ||
        static_cast<int64_t>(found[value.at].second) != wanted.Count()) {
      throw std::invalid_argument("array " + std::to_string(value.at) + " does not fit its value");
    }
  }
  return pointers;
}

class PlanWorker : public PromiseWorker {
 public:
  PlanWorker(const Napi::CallbackInfo& info, PlanHandle plan) : PromiseWorker(info.Env(), "plan", ""), plan_(std::move(plan)) {
    inputs_ = ArraysOf(info[1], *plan_, Place::kInput);
    outputs_ = ArraysOf(info[2], *plan_, Place::kOutput);
    threads_ = info[3].ToNumber().Int32Value();
    Hold(info[1].As<Napi::Object>());
    Hold(info[2].As<Napi::Object>());
  }

 protected:
  void Work() override {
    const ThreadLimit limit(threads_);
    try {
      plan_->Run(inputs_, outputs_);
    } catch (const ArenaRefused&) {
      SetCode("ARENA");
      throw;
    }
  }

  void Finished() override {
    plan_->busy = false;
    if (plan_->closing) plan_->Release();
  }

 private:
  PlanHandle plan_;
  std::vector<void*> inputs_;
  std::vector<void*> outputs_;
  int threads_ = 0;
};

PlanHandle& HandleOf(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "expected a plan");
  return *info[0].As<Napi::External<PlanHandle>>().Data();
}

// runPlan(plan, inputs, outputs, threads) -> promise.
Napi::Value RunPlan(const Napi::CallbackInfo& info) {
  const PlanHandle& plan = HandleOf(info);
  if (plan->busy) throw Napi::Error::New(info.Env(), "runs of a plan must not overlap");
  try {
    const Napi::Value promise = (new PlanWorker(info, plan))->Start();
    plan->busy = true;
    return promise;
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), error.what());
  }
}

// closePlan(plan): its arena goes back to the system, at the end of a run that is under way.
void ClosePlan(const Napi::CallbackInfo& info) {
  const PlanHandle& plan = HandleOf(info);
  plan->closing = true;
  if (!plan->busy) plan->Release();
}

// profilePlan(plan) -> { runs, milliseconds: one a step, over all runs }.
Napi::Value ProfilePlan(const Napi::CallbackInfo& info) {
  const PlanHandle& plan = HandleOf(info);
  const auto& nanoseconds = plan->nanoseconds();
  Napi::Float64Array list = Napi::Float64Array::New(info.Env(), nanoseconds.size());
  for (size_t i = 0; i < nanoseconds.size(); ++i) list[i] = 1e-6 * nanoseconds[i].load(std::memory_order_relaxed);
  Napi::Object profile = Napi::Object::New(info.Env());
  profile.Set("runs", Napi::Number::New(info.Env(), static_cast<double>(plan->runs())));
  profile.Set("milliseconds", list);
  return profile;
}

}  // namespace

void ExportPlans(Napi::Env env, Napi::Object exports) {
  exports.Set("runNode", Napi::Function::New(env, RunNode));
  exports.Set("createPlan", Napi::Function::New(env, CreatePlan));
  exports.Set("runPlan", Napi::Function::New(env, RunPlan));
  exports.Set("closePlan", Napi::Function::New(env, ClosePlan));
  exports.Set("profilePlan", Napi::Function::New(env, ProfilePlan));
  exports.Set("nodeNames", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                const std::vector<std::string> names = NodeNames();
                Napi::Array list = Napi::Array::New(info.Env(), names.size());
                for (uint32_t i = 0; i < names.size(); ++i) list.Set(i, names[i]);
                return list;
              }));
}

}  // namespace sightline
