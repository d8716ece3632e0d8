{
  "targets": [
    {
      "target_name": "sightline",
      # One line a kernel; the export table is in native/addon.cc.
      "sources": [
        "native/addon.cc",
        "native/runtime.cc",
        "native/convolution_depthwise.cc",
        "native/convolution_pixels.cc",
        "native/convolution_shape.cc",
        "native/convolution_windows.cc",
        "native/thread_pool.cc",
        "native/dice.cc",
        "native/dropout_mask.cc",
        "native/first_order.cc",
        "native/forest_fit.cc",
        "native/forest_predict.cc",
        "native/glcm.cc",
        "native/gradcam.cc",
        "native/gradient_norm.cc",
        "native/histogram.cc",
        "native/optimiser_step.cc",
        "native/pairwise.cc",
        "native/quantile.cc",
        "native/resize.cc",
        "native/shape2d.cc",
        "native/warp.cc",
        "native/plan.cc",
        "native/plan_binding.cc",
        "native/plan_ops.cc",
        "native/matrix_product.cc",
        "native/nodes_convolution.cc",
        "native/nodes_linear.cc",
        "native/nodes_logic.cc",
        "native/nodes_normalisation.cc",
        "native/nodes_normalisation_gradient.cc",
        "native/nodes_pointwise.cc",
        "native/nodes_pooling.cc",
        "native/nodes_pooling_gradient.cc",
        "native/nodes_reduction.cc",
        "native/nodes_shaping.cc",
        "native/nodes_standardisation.cc",
        "native/strided_copy.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      # Swallow: a promise that settles while its worker thread is torn down has nobody to throw to, and must not abort.
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-std=gnu++17", "-std=gnu++20"],
      # Contraction off: every CPU target then gives the same bits (native/simd.h).
      "cflags_cc": ["-std=c++17", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wall", "-Wextra", "-Wno-psabi", "-Wno-unused-parameter"],
      "conditions": [
        ["OS=='linux'", { "libraries": ["-lpthread"], "ldflags": ["-Wl,--exclude-libs,ALL"] }],
        ["OS=='mac'", {
          "xcode_settings": {
            "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
            "CLANG_CXX_LANGUAGE_STANDARD": "c++17",
            "GCC_OPTIMIZATION_LEVEL": "3",
            "MACOSX_DEPLOYMENT_TARGET": "11.0",
            "OTHER_CPLUSPLUSFLAGS": ["-ffp-contract=off", "-fno-math-errno"]
          }
        }],
        ["OS=='win'", { "msvs_settings": { "VCCLCompilerTool": { "ExceptionHandling": 1, "AdditionalOptions": ["/std:c++17", "/O2", "/fp:precise"] } } }]
      ]
    }
  ]
}
