// Decoding with libjpeg and libpng. Both leave a failed call with longjmp, which Swift cannot catch: hence C.
#pragma once

#include <stddef.h>

/// Longest description of a failure, its closing zero included.
enum { pairwise_message_size = 256 };

/// What a file's header declares.
struct pairwise_image {
  unsigned int width;
  unsigned int height;
  /// Bytes of a decoded pixel: 3 for RGB, 4 for a PNG's RGBA or a JPEG's CMYK as it is stored.
  unsigned int channels;
};

/// Reads a JPEG's header and, where `pixels` is not null, `width * height * channels` bytes of pixels.
///
/// Damaged data is a failure, not a grey area. Returns 1, or 0 with the reason in `message`.
int pairwise_read_jpeg(
    const unsigned char *bytes, size_t count, struct pairwise_image *image, unsigned char *pixels, char *message);

/// Reads a PNG's header and, where `pixels` is not null, its pixels; of 16-bit samples the upper eight bits.
///
/// Returns 1, or 0 with the reason in `message`.
int pairwise_read_png(
    const unsigned char *bytes, size_t count, struct pairwise_image *image, unsigned char *pixels, char *message);
