#include "CImageCodecs.h"

#ifdef IMAGE_CODECS

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

_Static_assert(pairwise_message_size >= JMSG_LENGTH_MAX, "a message of libjpeg fits");

// A progressive file of more scans than this, or of more pixels in all of them, only wants to keep the machine busy.
static const int maximum_scans = 1000;
static const unsigned long long maximum_scanned_pixels = 1ULL << 32;

struct decoder {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf failure;
  char *message;
};

static void fail(j_common_ptr jpeg) {
  struct decoder *decoder = (struct decoder *)jpeg->client_data;
  jpeg->err->format_message(jpeg, decoder->message);
  longjmp(decoder->failure, 1);
}

// Warnings that mean missing or wrong pixels end the decoding; stray bytes and odd headers do not.
static void warn(j_common_ptr jpeg, int level) {
  if (level >= 0) return;
  switch (jpeg->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      fail(jpeg);
  }
}

static void watch_scans(j_common_ptr jpeg) {
  struct decoder *decoder = (struct decoder *)jpeg->client_data;
  int scans = decoder->jpeg.input_scan_number;
  unsigned long long pixels = (unsigned long long)decoder->jpeg.image_width * decoder->jpeg.image_height;
  if (scans > maximum_scans || (scans > 1 && scans * pixels > maximum_scanned_pixels)) {
    strcpy(decoder->message, "too many scans");
    longjmp(decoder->failure, 1);
  }
}

int pairwise_read_jpeg(
    const unsigned char *bytes, size_t count, struct pairwise_image *image, unsigned char *pixels, char *message) {
  struct decoder decoder;
  memset(&decoder, 0, sizeof decoder);
  struct jpeg_decompress_struct *jpeg = &decoder.jpeg;
  jpeg->err = jpeg_std_error(&decoder.errors);
  jpeg->client_data = &decoder;
  decoder.errors.error_exit = fail;
  decoder.errors.emit_message = warn;
  decoder.progress.progress_monitor = watch_scans;
  decoder.message = message;
  if (setjmp(decoder.failure)) {
    jpeg_destroy_decompress(jpeg);
    return 0;
  }
  jpeg_create_decompress(jpeg);
  jpeg->progress = &decoder.progress;
  jpeg_mem_src(jpeg, bytes, count);
  jpeg_read_header(jpeg, TRUE);
  jpeg->out_color_space = jpeg->num_components == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_calc_output_dimensions(jpeg);
  image->width = jpeg->output_width;
  image->height = jpeg->output_height;
  image->channels = (unsigned int)jpeg->output_components;
  if (pixels) {
    jpeg_start_decompress(jpeg);
    size_t row = (size_t)jpeg->output_width * (size_t)jpeg->output_components;
    while (jpeg->output_scanline < jpeg->output_height) {
      JSAMPROW line = pixels + jpeg->output_scanline * row;
      jpeg_read_scanlines(jpeg, &line, 1);
    }
  }
  jpeg_destroy_decompress(jpeg);
  return 1;
}

#endif
