/* Copying and comparing memory, for the static binary alone.
 *
 * Pages are made of thousands of short texts. musl compares them byte by byte and copies them with an
 * instruction that takes long to begin; glibc has code for each processor. A profile showed a third of a
 * page's time in it. What stands here uses the 16-byte loads that every x86-64 processor has, and
 * replaces musl's functions at linking. tests/release/memory.c compares it with the plainest loops.
 *
 * Short pieces are loaded whole before anything is stored, so that overlap does not matter; a length
 * between two steps is covered by a first and a last piece that overlap.
 */

#include <emmintrin.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned char byte;

static inline __m128i load(const byte *from) { return _mm_loadu_si128((const __m128i *)from); }
static inline void store(byte *to, __m128i piece) { _mm_storeu_si128((__m128i *)to, piece); }

/* The compiler makes one load or store of each. */
static inline uint64_t load8(const byte *from) { uint64_t piece; __builtin_memcpy(&piece, from, 8); return piece; }
static inline uint32_t load4(const byte *from) { uint32_t piece; __builtin_memcpy(&piece, from, 4); return piece; }
static inline uint16_t load2(const byte *from) { uint16_t piece; __builtin_memcpy(&piece, from, 2); return piece; }
static inline void store8(byte *to, uint64_t piece) { __builtin_memcpy(to, &piece, 8); }
static inline void store4(byte *to, uint32_t piece) { __builtin_memcpy(to, &piece, 4); }
static inline void store2(byte *to, uint16_t piece) { __builtin_memcpy(to, &piece, 2); }

/* 64 bytes at once, all loaded before any is stored. */
static inline void move64(byte *to, const byte *from) {
    __m128i a = load(from), b = load(from + 16), c = load(from + 32), d = load(from + 48);
    store(to, a);
    store(to + 16, b);
    store(to + 32, c);
    store(to + 48, d);
}

/* More than 64 bytes. Each 64 are loaded before they are stored, and going away from the overlap nothing is
 * overwritten that is still to be loaded. What does not fill 64 is loaded first and stored last. */
static void move_long(byte *to, const byte *from, size_t n) {
    /* As unsigned numbers: also true when `to` lies before `from`. */
    if ((uintptr_t)to - (uintptr_t)from >= n) {
        const byte *end = from + n - 64;
        __m128i a = load(end), b = load(end + 16), c = load(end + 32), d = load(end + 48);
        byte *last = to + n - 64;
        for (; from < end; from += 64, to += 64) move64(to, from);
        store(last, a);
        store(last + 16, b);
        store(last + 32, c);
        store(last + 48, d);
    } else {
        __m128i a = load(from), b = load(from + 16), c = load(from + 32), d = load(from + 48);
        for (size_t left = n; left > 64; left -= 64) move64(to + left - 64, from + left - 64);
        store(to, a);
        store(to + 16, b);
        store(to + 32, c);
        store(to + 48, d);
    }
}

static inline void *move(void *target, const void *source, size_t n) {
    byte *to = target;
    const byte *from = source;
    if (n > 64) {
        move_long(to, from, n);
    } else if (n > 32) {
        __m128i a = load(from), b = load(from + 16), c = load(from + n - 32), d = load(from + n - 16);
        store(to, a);
        store(to + 16, b);
        store(to + n - 32, c);
        store(to + n - 16, d);
    } else if (n >= 16) {
        __m128i a = load(from), b = load(from + n - 16);
        store(to, a);
        store(to + n - 16, b);
    } else if (n >= 8) {
        uint64_t a = load8(from), b = load8(from + n - 8);
        store8(to, a);
        store8(to + n - 8, b);
    } else if (n >= 4) {
        uint32_t a = load4(from), b = load4(from + n - 4);
        store4(to, a);
        store4(to + n - 4, b);
    } else if (n >= 2) {
        uint16_t a = load2(from), b = load2(from + n - 2);
        store2(to, a);
        store2(to + n - 2, b);
    } else if (n) {
        *to = *from;
    }
    return target;
}

void *memmove(void *to, const void *from, size_t n) { return move(to, from, n); }
void *memcpy(void *restrict to, const void *restrict from, size_t n) { return move(to, from, n); }

/* The first of 16 bytes in which two pieces differ; 16 when none does. */
static inline unsigned differs(const byte *left, const byte *right) {
    unsigned equal = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(load(left), load(right)));
    return (unsigned)__builtin_ctz(~equal);
}

static inline int compare(const void *one, const void *other, size_t n) {
    const byte *left = one, *right = other;
    if (n >= 16) {
        size_t at = 0;
        for (;;) {
            unsigned first = differs(left + at, right + at);
            if (first < 16) return left[at + first] - right[at + first];
            if (at + 16 == n) return 0;
            at += 16;
            /* The last piece overlaps the one before it, which was equal. */
            if (at + 16 > n) at = n - 16;
        }
    }
    if (n >= 8) {
        uint64_t a = load8(left), b = load8(right);
        if (a == b) a = load8(left + n - 8), b = load8(right + n - 8);
        a = __builtin_bswap64(a), b = __builtin_bswap64(b);
        return (a > b) - (a < b);
    }
    if (n >= 4) {
        uint32_t a = load4(left), b = load4(right);
        if (a == b) a = load4(left + n - 4), b = load4(right + n - 4);
        a = __builtin_bswap32(a), b = __builtin_bswap32(b);
        return (a > b) - (a < b);
    }
    for (size_t at = 0; at < n; at++)
        if (left[at] != right[at]) return left[at] - right[at];
    return 0;
}

int memcmp(const void *one, const void *other, size_t n) { return compare(one, other, n); }
int bcmp(const void *one, const void *other, size_t n) { return compare(one, other, n); }
