// Work on a libuv thread, behind a promise that settles back on the JavaScript thread.
#pragma once

#include <napi.h>

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace sightline {

class PromiseWorker : public Napi::AsyncWorker {
 public:
  // Queues the work, which deletes the worker at its end.
  Napi::Value Start() {
    napi_value promise;
    if (napi_create_promise(Env(), &deferred_, &promise) != napi_ok) throw Napi::Error::New(Env());
    Queue();
    return Napi::Value(Env(), promise);
  }

 protected:
  // `name`: of the resource, for tools that trace. `label`: what messages begin with; may be empty.
  PromiseWorker(Napi::Env env, const char* name, std::string label)
      : Napi::AsyncWorker(env, name), label_(std::move(label)) {}

  // Off the JavaScript thread; what it throws rejects the promise.
  virtual void Work() = 0;
  // On the JavaScript thread before the promise settles, also where Work was never called.
  virtual void Finished() {}

  // Keeps an object alive until the promise has settled.
  void Hold(const Napi::Object& object) { held_.push_back(Napi::Persistent(object)); }
  // `code` of the error, where it has one.
  void SetCode(const char* code) { code_ = code; }

 private:
  void Execute() final {
    try {
      Work();
    } catch (const std::exception& error) {
      failure_ = error.what();
      if (failure_.empty()) failure_ = "unknown error";
    }
  }

  // The plain C API, because its C++ wrapper throws when a worker thread was terminated with the work still under way,
  // and nothing can catch that: the process would end. Nobody waits for the promise then.
  void OnWorkComplete(Napi::Env env, napi_status status) final {
    {
      const Napi::HandleScope scope(env);
      Finished();
      napi_value value;
      if (status == napi_cancelled) {
        // The environment is going away before the work began.
      } else if (failure_.empty()) {
        if (napi_get_undefined(env, &value) == napi_ok) napi_resolve_deferred(env, deferred_, value);
      } else {
        const std::string text = label_.empty() ? failure_ : label_ + ": " + failure_;
        napi_value message;
        napi_value code = nullptr;
        if (napi_create_string_utf8(env, text.c_str(), text.size(), &message) == napi_ok &&
            (code_.empty() || napi_create_string_utf8(env, code_.c_str(), code_.size(), &code) == napi_ok) &&
            napi_create_error(env, code, message, &value) == napi_ok) {
          napi_reject_deferred(env, deferred_, value);
        }
      }
    }
    Destroy();
  }

  napi_deferred deferred_ = nullptr;
  std::string label_;
  std::string failure_;
  std::string code_;
  std::vector<Napi::ObjectReference> held_;
};

}  // namespace sightline
