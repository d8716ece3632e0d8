// The boundary of plans: JavaScript values become PlanNodes.
#include "plan_binding.h"

#include "plan.h"

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

// runNode(op, inputs, outputs, attributes): one op at once, on the calling thread; for tests of single kernels.
void RunNode(const Napi::CallbackInfo& info) {
  try {
    PlanNode node;
    node.op = info[0].ToString();
    node.inputs = ValuesOf(info[1]);
    node.outputs = ValuesOf(info[2]);
    const Napi::Object attributes = info[3].As<Napi::Object>();
    const Napi::Array names = attributes.GetPropertyNames();
    for (uint32_t i = 0; i < names.Length(); ++i) {
      const std::string name = names.Get(i).As<Napi::String>();
      const Napi::Value value = attributes.Get(name);
      std::vector<double> numbers;
      if (value.IsArray()) {
        const Napi::Array list = value.As<Napi::Array>();
        for (uint32_t j = 0; j < list.Length(); ++j) numbers.push_back(list.Get(j).ToNumber().DoubleValue());
      } else {
        numbers.push_back(value.ToNumber().DoubleValue());
      }
      node.attributes.emplace_back(name, std::move(numbers));
    }
    const NodeKernel kernel = FindNode(node.op);
    if (kernel == nullptr) throw std::invalid_argument("no such op");
    kernel(node);
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), std::string(info[0].ToString()) + ": " + error.what());
  }
}

}  // namespace

void ExportPlans(Napi::Env env, Napi::Object exports) {
  exports.Set("runNode", Napi::Function::New(env, RunNode));
  exports.Set("nodeNames", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                const std::vector<std::string> names = NodeNames();
                Napi::Array list = Napi::Array::New(info.Env(), names.size());
                for (uint32_t i = 0; i < names.size(); ++i) list.Set(i, names[i]);
                return list;
              }));
}

}  // namespace sightline
