// The product over the taps of each window (WindowProduct): a panel of pixels is gathered [tap][pixel] into the
// first-level cache and meets all rows of weights there; sums of a tile stay in registers. Pixels of all images are one
// sequence, so that small maps fill panels too. Taps come in blocks of fixed size, so that the order of additions is the
// same for every pixel.
#ifndef SL_NS

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "convolution.h"
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace sightline {
namespace {

// Taps per block, at most. Where few rows share a panel, it has to stay in the first-level cache beside them.
constexpr size_t kDepth = 384, kShallow = 96;
constexpr size_t kFewRows = 64;
// Weights above this many floats leave the second-level cache: several panels then share each block of them.
constexpr size_t kCachedWeights = 256 * 1024;
constexpr size_t kSharedPanels = 8;
// Copied images kept at a time.
constexpr size_t kImageFloats = 512 * 1024;

// Pixels of one image that are neighbours in the grid, hence in the planes.
struct Segment {
  const float* from;
  size_t to, length;  // place in the panel
  float* out;
};

thread_local Scratch images_scratch, panel_scratch, sums_scratch;

}  // namespace
}  // namespace sightline

#define SL_FILE "convolution_windows.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

size_t Panels(const WindowProduct& product) {
  const size_t wide = SL_DISPATCH(PanelWidth)();
  return (product.images * product.height * product.width + wide - 1) / wide;
}

void Part(const WindowProduct& product, size_t first, size_t last, size_t row, size_t rows) {
  SL_DISPATCH(Panels)(product, first, last, row, rows);
  images_scratch.Trim();
  panel_scratch.Trim();
  sums_scratch.Trim();
}

}  // namespace

void RunHere(const WindowProduct& product) { Part(product, 0, Panels(product), 0, product.rows); }

void Run(const WindowProduct& product) {
  const size_t panels = Panels(product), threads = static_cast<size_t>(Threads());
  const size_t bytes = product.images * product.height * product.width * product.rows * product.depth / 4;
  if (panels >= 4 * threads || product.rows < 16 * threads) {
    ParallelFor(panels, bytes, [&](size_t begin, size_t end) { Part(product, begin, end, 0, product.rows); });
  } else {
    // Few pixels: each thread takes some of the rows.
    constexpr size_t kRows = 8;
    const size_t parts = (product.rows + kRows - 1) / kRows;
    ParallelFor(parts, bytes, [&](size_t begin, size_t end) {
      Part(product, 0, panels, begin * kRows, std::min(end * kRows, product.rows) - begin * kRows);
    });
  }
}

}  // namespace sightline

#else

namespace sightline {
namespace SL_NS {

#include "vectors.h"
#include "planes.h"

namespace {

constexpr int kWide = 3;  // vectors of a panel
constexpr size_t kPixels = kWide * SL_VECTOR;
constexpr size_t kRows = kTileRows<kWide> < 8 ? kTileRows<kWide> : 8;

TileKernel TileFor(int vectors, size_t rows) {
  return vectors == 1 ? TileOf<1>(rows) : vectors == 2 ? TileOf<2>(rows) : TileOf<3>(rows);
}

// A vector of pixels on its way to the panel. What lands behind its segment is written over by the next piece, or belongs
// to no pixel.
struct Piece {
  const float* from;
  size_t to;
};

template <int N>
void GatherPieces(const Piece* given, size_t, const size_t* offsets, size_t taps, size_t wide, float* panel) {
  Piece pieces[N];
  std::copy(given, given + N, pieces);
  for (size_t k = 0; k < taps; ++k, panel += wide) {
    const size_t offset = offsets[k];
    for (int i = 0; i < N; ++i) Save(panel + pieces[i].to, Load(pieces[i].from + offset));
  }
}

template <>
void GatherPieces<0>(const Piece* pieces, size_t count, const size_t* offsets, size_t taps, size_t wide, float* panel) {
  for (size_t k = 0; k < taps; ++k, panel += wide) {
    const size_t offset = offsets[k];
    for (size_t i = 0; i < count; ++i) Save(panel + pieces[i].to, Load(pieces[i].from + offset));
  }
}

// One panel and where its sums go.
struct Target {
  std::vector<Segment> segments;
  std::vector<Piece> pieces;
  bool whole;      // pieces may be read to their ends
  size_t pixels;
  int vectors;
  bool straight;   // the sums are made in the output itself
  float* out;      // of the first row
  size_t out_row;  // floats between rows
};

// Brings `taps` taps of a panel's pixels together, [tap][pixel].
void Gather(const Target& target, const size_t* offsets, size_t taps, float* panel) {
  const size_t wide = target.vectors * SL_VECTOR;
  if (!target.whole) {
    for (size_t k = 0; k < taps; ++k, panel += wide)
      for (const Segment& segment : target.segments)
        std::memcpy(panel + segment.to, segment.from + offsets[k], segment.length * sizeof(float));
    return;
  }
  using Kernel = void (*)(const Piece*, size_t, const size_t*, size_t, size_t, float*);
  static constexpr Kernel kKernels[] = {GatherPieces<0>, GatherPieces<1>, GatherPieces<2>, GatherPieces<3>, GatherPieces<4>,
                                        GatherPieces<5>, GatherPieces<6>, GatherPieces<7>, GatherPieces<8>};
  const size_t count = target.pieces.size();
  kKernels[count <= 8 ? count : 0](target.pieces.data(), count, offsets, taps, wide, panel);
}

}  // namespace

size_t PanelWidth() { return kPixels; }

// Panels [first, last) of rows [row, row + rows).
void Panels(const WindowProduct& product, size_t first, size_t last, size_t row, size_t rows) {
  const Planes& planes = product.planes;
  const size_t area = product.height * product.width, pixels = product.images * area;
  const bool in_place = planes.InPlace();
  const bool dense = product.out_column == 1 && product.out_row == product.width;
  const bool whole_image = in_place && dense && planes.pitch == product.width;
  const size_t depth = product.rows <= kFewRows ? kShallow : kDepth;
  const size_t shared = product.rows * product.depth <= kCachedWeights ? 1 : kSharedPanels;

  // Copied images: n is in slot n modulo `slots`; the next one to copy is `ahead`.
  size_t slots = 0, ahead = first * kPixels / area;
  const size_t image_floats = planes.Size() + (in_place ? 0 : kCopySlack);
  float* copies = nullptr;
  if (!in_place) {
    // Room for the images that a group of panels touches, and more where images are small.
    const size_t touched = (shared * kPixels - 1) / area + 2;
    slots = std::min(product.images, std::max(touched, kImageFloats / std::max<size_t>(image_floats, 1)));
    copies = images_scratch.Floats(slots * image_floats + kPixels);
  }
  const float* limit = in_place ? planes.end : copies + slots * image_floats + kPixels;
  const size_t furthest = *std::max_element(product.offsets.begin(), product.offsets.end());
  float* panel = panel_scratch.Floats(depth * kPixels + 2 * kPixels);
  float* sums = sums_scratch.Floats(shared * rows * kPixels);
  std::vector<Target> targets(shared);

  for (size_t group = first; group < last; group += shared) {
    const size_t count = std::min(shared, last - group);
    if (!in_place) {
      const size_t needed = std::min(((group + count) * kPixels - 1) / area + 1, product.images);
      for (; ahead < needed; ++ahead)
        CopyPlanes(planes, ahead, 0, planes.channels, copies + ahead % slots * image_floats);
    }
    for (size_t t = 0; t < count; ++t) {
      Target& target = targets[t];
      const size_t begin = (group + t) * kPixels;
      target.pixels = std::min(kPixels, pixels - begin);
      target.vectors = static_cast<int>((target.pixels + SL_VECTOR - 1) / SL_VECTOR);
      target.segments.clear();
      target.pieces.clear();
      for (size_t p = begin; p < begin + target.pixels;) {
        const size_t n = p / area, y = p % area / product.width, x = p % product.width;
        const size_t run = whole_image ? area - p % area : product.width - x;
        const size_t length = std::min(run, begin + target.pixels - p);
        const float* image = in_place ? planes.data + n * planes.image : copies + n % slots * image_floats;
        target.segments.push_back({image + y * planes.pitch + x, p - begin, length,
                                   product.out + n * product.out_image + y * product.out_row + x * product.out_column});
        for (size_t i = 0; i < length; i += SL_VECTOR)
          target.pieces.push_back({target.segments.back().from + i, target.segments.back().to + i});
        p += length;
      }
      target.whole = target.pieces.back().from + furthest + SL_VECTOR <= limit;
      // Straight to the output where the pixels lie there side by side.
      target.straight = dense && target.pixels == kPixels && (begin + kPixels - 1) / area == begin / area;
      target.out = target.straight ? target.segments[0].out + row * product.out_plane : sums + t * rows * kPixels;
      target.out_row = target.straight ? product.out_plane : target.vectors * SL_VECTOR;
    }
    for (size_t k = 0; k < product.depth; k += depth) {
      const size_t deep = std::min(depth, product.depth - k);
      for (size_t t = 0; t < count; ++t) {
        const Target& target = targets[t];
        Gather(target, product.offsets.data() + k, deep, panel);
        // What is gathered next is asked for between the tiles: images in place are read in short pieces far apart.
        const bool deeper = shared == 1 && k + depth < product.depth;
        const size_t next = deeper ? k + depth : shared == 1 ? 0 : k;
        const size_t next_deep = in_place ? std::min(depth, product.depth - next) : 0;
        const float* next_from = target.segments[0].from + (deeper ? 0 : kPixels);
        EachTile(rows, kRows, [&](size_t begin, size_t tall) {
          const size_t r = row + begin;
          for (size_t i = next_deep * begin / rows; i < next_deep * (begin + tall) / rows; ++i)
            PrefetchRead(next_from + product.offsets[next + i], kPixels);
          const Strip strip{product.weights + r * product.depth + k, static_cast<ptrdiff_t>(product.depth), deep};
          TileFor(target.vectors, tall)(strip, panel, target.out + begin * target.out_row, target.out_row, k > 0,
                                        product.bias != nullptr ? product.bias + r : nullptr);
        });
      }
    }
    for (size_t t = 0; t < count; ++t) {
      const Target& target = targets[t];
      if (target.straight) continue;
      for (const Segment& segment : target.segments) {
        for (size_t r = 0; r < rows; ++r) {
          const float* from = target.out + r * target.out_row + segment.to;
          float* to = segment.out + (row + r) * product.out_plane;
          if (product.out_column == 1) {
            std::memcpy(to, from, segment.length * sizeof(float));
          } else {
            for (size_t i = 0; i < segment.length; ++i) to[i * product.out_column] = from[i];
          }
        }
      }
    }
  }
}

}  // namespace SL_NS
}  // namespace sightline

#endif
