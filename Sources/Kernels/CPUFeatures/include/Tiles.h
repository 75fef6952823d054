#ifndef PAIRWISE_TILES_H
#define PAIRWISE_TILES_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__AMX_BF16__) && defined(__AMX_INT8__)
#include <immintrin.h>
#elif defined(PAIRWISE_EMULATED_AMX)
#include <string.h>
#endif

// The matrix unit (AMX): sums of 32 x 32 numbers of single precision stay in its tiles 0 to 3, of 16 x 16 each, side by side
// and below each other. Tiles of factors are 16 rows of 16 words: two
// steps of depth, or four of bytes, for 16 columns, or 32 steps, or 64, for 16 rows.

#if defined(__AMX_BF16__) && defined(__AMX_INT8__)

/// Gives this thread tiles of 16 rows of 64 bytes.
static inline void pairwise_tiles_configure(void) {
  static const struct {
    uint8_t palette, first_row, reserved[14];
    uint16_t bytes_in_row[16];
    uint8_t rows[16];
  } configuration __attribute__((aligned(64))) = {
      .palette = 1, .bytes_in_row = {64, 64, 64, 64, 64, 64, 64, 64}, .rows = {16, 16, 16, 16, 16, 16, 16, 16}};
  _tile_loadconfig(&configuration);
}

/// Gives the tiles back: what they hold need not be saved when the thread waits.
static inline void pairwise_tiles_release(void) { _tile_release(); }

// Of a tile's number the compiler has to know the value.
#define PAIRWISE_TILE_CLEAR(tile) _tile_zero(tile)
#define PAIRWISE_TILE_LOAD(tile, words, stride) _tile_loadd(tile, words, (stride) * 4)
#define PAIRWISE_TILE_STORE(tile, words, stride) _tile_stored(tile, words, (stride) * 4)
#define PAIRWISE_TILE_ADD_PRODUCT(sum, a, b) _tile_dpbf16ps(sum, a, b)
#define PAIRWISE_TILE_ADD_BYTE_PRODUCT(sum, a, b) _tile_dpbusd(sum, a, b)

#elif defined(PAIRWISE_EMULATED_AMX)

// For tests on CPUs that have none.

struct pairwise_emulated_tiles {
  bool is_configured;
  uint32_t words[8][16][16];
};

static inline struct pairwise_emulated_tiles *pairwise_emulated_tiles_of_thread(void) {
  static _Thread_local struct pairwise_emulated_tiles tiles;
  return &tiles;
}

static inline void pairwise_tiles_configure(void) {
  memset(pairwise_emulated_tiles_of_thread(), 0, sizeof(struct pairwise_emulated_tiles));
  pairwise_emulated_tiles_of_thread()->is_configured = true;
}

static inline void pairwise_tiles_release(void) { pairwise_emulated_tiles_of_thread()->is_configured = false; }

static inline uint32_t (*pairwise_emulated_tile(int tile))[16] {
  struct pairwise_emulated_tiles *tiles = pairwise_emulated_tiles_of_thread();
  // As the CPU does, which knows no such instruction before.
  if (!tiles->is_configured) { __builtin_trap(); }
  return tiles->words[tile];
}

static inline void pairwise_emulated_tile_copy(int tile, void *words, long stride, bool stores) {
  uint32_t(*rows)[16] = pairwise_emulated_tile(tile);
  for (int i = 0; i < 16; i++) {
    void *row = (char *)words + 4 * i * stride;
    memcpy(stores ? row : rows[i], stores ? (void *)rows[i] : row, 64);
  }
}

static inline float pairwise_emulated_number(uint32_t bits) {
  float number;
  memcpy(&number, &bits, 4);
  return number;
}

/// Numbers of the lower and of the upper halves are added up each for themselves, then to the sum.
static inline void pairwise_emulated_product(int sum, int a, int b) {
  uint32_t(*sums)[16] = pairwise_emulated_tile(sum);
  for (int i = 0; i < 16; i++) {
    for (int j = 0; j < 16; j++) {
      float lower = 0, upper = 0;
      for (int k = 0; k < 16; k++) {
        uint32_t first = pairwise_emulated_tile(a)[i][k], second = pairwise_emulated_tile(b)[k][j];
        lower += pairwise_emulated_number(first << 16) * pairwise_emulated_number(second << 16);
        upper += pairwise_emulated_number(first & 0xffff0000) * pairwise_emulated_number(second & 0xffff0000);
      }
      float total = pairwise_emulated_number(sums[i][j]) + (lower + upper);
      memcpy(&sums[i][j], &total, 4);
    }
  }
}

/// Bytes of the first factor have no sign, those of the second one have.
static inline void pairwise_emulated_byte_product(int sum, int a, int b) {
  uint32_t(*sums)[16] = pairwise_emulated_tile(sum);
  for (int i = 0; i < 16; i++) {
    for (int j = 0; j < 16; j++) {
      for (int k = 0; k < 16; k++) {
        uint32_t first = pairwise_emulated_tile(a)[i][k], second = pairwise_emulated_tile(b)[k][j];
        for (int shift = 0; shift < 32; shift += 8) {
          sums[i][j] += (uint32_t)((int32_t)(first >> shift & 255) * (int8_t)(second >> shift & 255));
        }
      }
    }
  }
}

#define PAIRWISE_TILE_CLEAR(tile) memset(pairwise_emulated_tile(tile), 0, 1024)
#define PAIRWISE_TILE_LOAD(tile, words, stride) pairwise_emulated_tile_copy(tile, (void *)(words), stride, false)
#define PAIRWISE_TILE_STORE(tile, words, stride) pairwise_emulated_tile_copy(tile, words, stride, true)
#define PAIRWISE_TILE_ADD_PRODUCT(sum, a, b) pairwise_emulated_product(sum, a, b)
#define PAIRWISE_TILE_ADD_BYTE_PRODUCT(sum, a, b) pairwise_emulated_byte_product(sum, a, b)

#endif

#if defined(PAIRWISE_TILE_CLEAR)

/// All sums are zero.
static inline void pairwise_tiles_clear_sums(void) {
  PAIRWISE_TILE_CLEAR(0);
  PAIRWISE_TILE_CLEAR(1);
  PAIRWISE_TILE_CLEAR(2);
  PAIRWISE_TILE_CLEAR(3);
}

/// Sums from memory, rows `stride` numbers apart.
static inline void pairwise_tiles_load_sums(const float *sums, long stride) {
  PAIRWISE_TILE_LOAD(0, sums, stride);
  PAIRWISE_TILE_LOAD(1, sums + 16, stride);
  PAIRWISE_TILE_LOAD(2, sums + 16 * stride, stride);
  PAIRWISE_TILE_LOAD(3, sums + 16 * stride + 16, stride);
}

/// Sums to memory, rows `stride` numbers apart.
static inline void pairwise_tiles_store_sums(float *sums, long stride) {
  PAIRWISE_TILE_STORE(0, sums, stride);
  PAIRWISE_TILE_STORE(1, sums + 16, stride);
  PAIRWISE_TILE_STORE(2, sums + 16 * stride, stride);
  PAIRWISE_TILE_STORE(3, sums + 16 * stride + 16, stride);
}

// Adds the products of 16 words of depth: of the upper 16 rows, or of the lower ones too, `a_step` words behind them; of the left
// 16 columns, or of the right ones too, `b_step` words behind them.
#define PAIRWISE_TILES_ADD(name, add)                                                            \
  static inline void name(                                                                       \
      const float *a, long a_step, bool has_lower, const float *b, long b_step, bool has_right) { \
    PAIRWISE_TILE_LOAD(4, a, 16);                                                                \
    PAIRWISE_TILE_LOAD(6, b, 16);                                                                \
    add(0, 4, 6);                                                                                \
    if (has_right) {                                                                             \
      PAIRWISE_TILE_LOAD(7, b + b_step, 16);                                                     \
      add(1, 4, 7);                                                                              \
    }                                                                                            \
    if (has_lower) {                                                                             \
      PAIRWISE_TILE_LOAD(5, a + a_step, 16);                                                     \
      add(2, 5, 6);                                                                              \
      if (has_right) { add(3, 5, 7); }                                                           \
    }                                                                                            \
  }

/// Of pairs of 16-bit numbers.
PAIRWISE_TILES_ADD(pairwise_tiles_add_products, PAIRWISE_TILE_ADD_PRODUCT)
/// Of four bytes in a word, those of the rows without sign: sums are whole numbers.
PAIRWISE_TILES_ADD(pairwise_tiles_add_byte_products, PAIRWISE_TILE_ADD_BYTE_PRODUCT)

#endif

#endif
