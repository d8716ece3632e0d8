/**
 * ONNX Runtime's official Linux and macOS builds (1.30 on) report sessions and models to Microsoft by default,
 * and leave a device identifier and a cache on disk. Patients' images are scored here: nothing leaves the machine.
 * The variable is read once, when the library is loaded: this module is imported before it, and by whoever starts
 * worker threads, whose `process.env` is a copy that native code does not see.
 */
process.env.ORT_DISABLE_TELEMETRY = '1';
