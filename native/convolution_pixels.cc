// The product over pixels (PixelProduct): a stretch of pixels of g is transposed to [pixel][row], and its vectors of rows
// meet, for each tap, a tile of channels read straight from the planes. Split over threads by rows or channels, never by
// pixels; stretches are the same whatever the split.
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

// Pixels of a stretch, about: its transposed g stays in the second-level cache.
constexpr size_t kStretch = 512;
// Rows of g taken at a time, at most.
constexpr size_t kRowsAtOnce = 256;

thread_local Scratch transposed_scratch, copies_scratch, totals_scratch;

}  // namespace
}  // namespace sightline

#define SL_FILE "convolution_pixels.cc"
#include "foreach_target.h"

namespace sightline {
namespace {

// Rows [row, row + rows) and channels [channel, channel + channels).
void Part(const PixelProduct& product, size_t row, size_t rows, size_t channel, size_t channels) {
  for (size_t r = row; r < row + rows; r += kRowsAtOnce)
    SL_DISPATCH(Pixels)(product, r, std::min(kRowsAtOnce, row + rows - r), channel, channels);
  transposed_scratch.Trim();
  copies_scratch.Trim();
  totals_scratch.Trim();
}

}  // namespace

void RunHere(const PixelProduct& product) { Part(product, 0, product.rows, 0, product.planes.channels); }

void Run(const PixelProduct& product) {
  const size_t channels = product.planes.channels, threads = static_cast<size_t>(Threads());
  const size_t bytes = product.images * product.height * product.width * product.rows * channels * product.offsets.size() / 4;
  constexpr size_t kRows = 32, kChannels = 4;
  const size_t row_parts = (product.rows + kRows - 1) / kRows, channel_parts = (channels + kChannels - 1) / kChannels;
  // A thread transposes the rows of g, and copies the channels, that it needs: the first split repeats copies, the other
  // transposing.
  if (row_parts >= 2 * threads && (product.planes.InPlace() || channel_parts < threads)) {
    ParallelFor(row_parts, bytes, [&](size_t begin, size_t end) {
      Part(product, begin * kRows, std::min(end * kRows, product.rows) - begin * kRows, 0, channels);
    });
  } else {
    ParallelFor(channel_parts, bytes, [&](size_t begin, size_t end) {
      Part(product, 0, product.rows, begin * kChannels, std::min(end * kChannels, channels) - begin * kChannels);
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

template <int kWide>
void PixelsOf(const PixelProduct& product, size_t row, size_t rows, size_t channel, size_t channels) {
  constexpr size_t kPanel = kWide * SL_VECTOR;
  const Planes& planes = product.planes;
  const bool in_place = planes.InPlace();
  const size_t height = product.height, width = product.width, area = height * width;
  const size_t taps = product.offsets.size(), panels = (rows + kPanel - 1) / kPanel;
  // A stretch is some images, or some lines of one.
  const size_t lines = std::clamp<size_t>(kStretch / width, 1, height);
  const size_t images = lines < height ? 1 : std::clamp<size_t>(kStretch / area, 1, product.images);
  const size_t longest = images * lines * width;

  const size_t step = planes.PlaneStep();
  const size_t copy_floats = channels * step;
  float* copies = in_place ? nullptr : copies_scratch.Floats(images * copy_floats + kCopySlack);
  float* transposed = transposed_scratch.Floats(panels * longest * kPanel);
  std::fill(transposed, transposed + panels * longest * kPanel, 0.0f);
  const size_t total_floats = taps * channels * kPanel;
  float* totals = totals_scratch.Floats(panels * total_floats);

  bool added = false;
  for (size_t n = 0; n < product.images; n += images) {
    const size_t count = std::min(images, product.images - n);
    if (!in_place) {
      for (size_t i = 0; i < count; ++i) CopyPlanes(planes, n + i, channel, channel + channels, copies + i * copy_floats);
    }
    for (size_t y = 0; y < height; y += lines, added = true) {
      const size_t tall = std::min(lines, height - y), pixels = tall * width;
      for (size_t p = 0; p < panels; ++p) {
        const size_t filled = std::min(kPanel, rows - p * kPanel);
        for (size_t i = 0; i < count; ++i) {
          const float* from = product.g + (n + i) * product.g_image + (row + p * kPanel) * area + y * width;
          Transpose(from, area, filled, pixels, transposed + (p * longest + i * pixels) * kPanel, kPanel);
        }
      }
      const float* source = in_place ? planes.data + n * planes.image + channel * planes.plane : copies;
      const size_t image_step = in_place ? planes.image : copy_floats;
      EachTile(channels, kTileRows<kWide>, [&](size_t c, size_t tile_rows) {
        for (size_t tap = 0; tap < taps; ++tap) {
          Strip strip{source + c * step + y * planes.pitch + product.offsets[tap], static_cast<ptrdiff_t>(step), width};
          strip.runs = tall;
          strip.gap = static_cast<ptrdiff_t>(planes.pitch - width);
          strip.blocks = count;
          strip.block_gap = static_cast<ptrdiff_t>(image_step) - static_cast<ptrdiff_t>(tall * planes.pitch);
          if (strip.gap == 0) {
            strip.length *= tall;
            strip.runs = 1;
          }
          for (size_t p = 0; p < panels; ++p) {
            TileOf<kWide>(tile_rows)(strip, transposed + p * longest * kPanel,
                                     totals + p * total_floats + (tap * channels + c) * kPanel, kPanel, added, nullptr);
          }
        }
      });
    }
  }
  for (size_t r = 0; r < rows; ++r) {
    const float* from = totals + r / kPanel * total_floats + r % kPanel;
    float* to = product.out + ((row + r) * planes.channels + channel) * taps;
    for (size_t c = 0; c < channels; ++c)
      for (size_t tap = 0; tap < taps; ++tap) *to++ = from[(tap * channels + c) * kPanel];
  }
}

}  // namespace

void Pixels(const PixelProduct& product, size_t row, size_t rows, size_t channel, size_t channels) {
  // Flat tiles are wide: sums that are too few wait for each other.
  if (channels <= static_cast<size_t>(kTileRows<4>) && rows > 2 * SL_VECTOR) {
    PixelsOf<4>(product, row, rows, channel, channels);
  } else {
    PixelsOf<2>(product, row, rows, channel, channels);
  }
}

}  // namespace SL_NS
}  // namespace sightline

#endif
