#include "CImageCodecs.h"

#ifdef IMAGE_CODECS

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

struct source {
  const unsigned char *bytes;
  size_t left;
};

static void read_bytes(png_structp png, png_bytep out, size_t count) {
  struct source *source = png_get_io_ptr(png);
  if (count > source->left) png_error(png, "the file ends early");
  memcpy(out, source->bytes, count);
  source->bytes += count;
  source->left -= count;
}

static void fail(png_structp png, png_const_charp reason) {
  snprintf(png_get_error_ptr(png), pairwise_message_size, "%s", reason);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp reason) {}

int pairwise_read_png(
    const unsigned char *bytes, size_t count, struct pairwise_image *image, unsigned char *pixels, char *message) {
  struct source source = {bytes, count};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, message, fail, ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    snprintf(message, pairwise_message_size, "libpng cannot start: another version, or no memory");
    png_destroy_read_struct(&png, NULL, NULL);
    return 0;
  }
  if (setjmp(png_jmpbuf(png))) {
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
  }
  // The caller has a limit of its own, by area.
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_read_fn(png, &source, read_bytes);
  png_read_info(png, info);
  image->width = png_get_image_width(png, info);
  image->height = png_get_image_height(png, info);
  int has_alpha = (png_get_color_type(png, info) & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
  image->channels = has_alpha ? 4 : 3;
  // Whatever comes next takes memory for rows of the declared width.
  if (pixels) {
    // RGB or RGBA of 8 bits, whatever the file holds.
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_gray_to_rgb(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    size_t row = png_get_rowbytes(png, info);
    if (row != (size_t)image->width * image->channels) png_error(png, "rows of another size than declared");
    // Each pass of an interlaced file fills in more of the same rows.
    for (int pass = 0; pass < passes; pass++) {
      for (png_uint_32 y = 0; y < image->height; y++) png_read_row(png, pixels + y * row, NULL);
    }
  }
  png_destroy_read_struct(&png, &info, NULL);
  return 1;
}

#endif
