// Convolutions as matrix products that are never laid out in memory. Two products cover all of them: over the taps of
// a window for each pixel (forward, gradient of the input, transposed), and over pixels (gradient of the weights).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sightline {

// How the product reads images: planes [N][C][height][width], padded with zeros and split by residue of row and column
// (modulo the stride), so that each tap of each window is at a constant offset from its pixel: line i, column j of
// residue (y, x) is row i·stride_y + y − top, column j·stride_x + x − left of the image.
struct Planes {
  const float *data, *end;  // first image; what follows the last one in memory
  size_t image, plane;      // floats between images and between channels
  size_t channels, height, width;
  ptrdiff_t top = 0, left = 0;
  size_t stride_y = 1, stride_x = 1;
  std::vector<std::pair<size_t, size_t>> residues = {{0, 0}};
  size_t lines = 0, pitch = 0;  // of the plane of one residue

  // Nothing to pad or split: read in place.
  bool InPlace() const {
    return top == 0 && left == 0 && stride_y == 1 && stride_x == 1 && residues.size() == 1 && lines == height &&
           pitch == width;
  }
  size_t PlaneStep() const { return InPlace() ? plane : residues.size() * lines * pitch; }
  size_t Size() const { return channels * PlaneStep(); }
  // Offset of channel 0 of the pixel at the start of a residue's plane.
  size_t ResidueOffset(size_t residue) const { return residue * lines * pitch; }
};

// out[n, row, pixel] = bias[row] + Σ_k weights[row, k] · planes[n, pixel + offsets[k]], for the pixels of a grid.
struct WindowProduct {
  const float* weights;  // [rows, depth]
  const float* bias;     // [rows] or null
  size_t rows, depth;
  Planes planes;
  std::vector<size_t> offsets;  // [depth], into the planes of an image
  size_t images, height, width;  // the grid
  float* out;
  size_t out_image, out_plane, out_row, out_column;  // floats between images, rows of weights, and pixels
};

// gradient[row, channel, tap] = Σ_{n, pixel} g[n, row, pixel] · planes[n, channel, pixel + offsets[tap]].
struct PixelProduct {
  const float* g;
  size_t g_image;  // floats between images; rows are height·width apart
  size_t rows, images, height, width;
  Planes planes;
  std::vector<size_t> offsets;  // [taps]
  float* out;                   // [rows, channels, taps]
};

// They spread over threads by themselves; the results do not depend on how many.
void Run(const WindowProduct& product);
void Run(const PixelProduct& product);
// On this thread alone.
void RunHere(const WindowProduct& product);
void RunHere(const PixelProduct& product);
// On this thread alone, for products of one row of weights, or of one channel; false: not such a one, nothing was done.
bool RunDepthwise(const WindowProduct& product);
bool RunDepthwise(const PixelProduct& product);

}  // namespace sightline
