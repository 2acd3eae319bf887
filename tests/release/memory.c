/* src/musl/memory.c beside the plainest loops: every length up to 300, every offset, every overlap.
 * Compiled with -Dmemmove=our_memmove and so on by tests/release/memory.sh. */

#include <stdio.h>
#include <stdlib.h>

typedef unsigned char byte;
enum { ROOM = 1200, MOST = 300 };

void *our_memmove(void *to, const void *from, size_t n);
void *our_memcpy(void *to, const void *from, size_t n);
int our_memcmp(const void *one, const void *other, size_t n);
int our_bcmp(const void *one, const void *other, size_t n);

static byte found[ROOM], expected[ROOM], before[ROOM];

static void fail(const char *what, size_t n, int from, int to) {
    printf("%s of %zu bytes from %d to %d is wrong\n", what, n, from, to);
    exit(1);
}

static void moved(size_t n, int from, int to, int copied) {
    for (int at = 0; at < ROOM; at++) found[at] = expected[at] = before[at] = (byte)(at * 31 + 7);
    for (size_t at = 0; at < n; at++) expected[to + at] = before[from + at];
    void *given = copied ? our_memcpy(found + to, found + from, n) : our_memmove(found + to, found + from, n);
    if (given != found + to) fail("what is given back by a move", n, from, to);
    for (int at = 0; at < ROOM; at++)
        if (found[at] != expected[at]) fail(copied ? "a copy" : "a move", n, from, to);
}

static int sign(int number) { return (number > 0) - (number < 0); }

static void compared(size_t n, int left, int right) {
    static byte one[ROOM], other[ROOM];
    for (size_t at = 0; at < n; at++) one[left + at] = other[right + at] = (byte)(at * 13 + 200);
    /* What stands behind must not count. */
    one[left + n] = 1, other[right + n] = 2;
    if (our_memcmp(one + left, other + right, n) || our_bcmp(one + left, other + right, n)) fail("equality", n, left, right);
    for (size_t at = 0; at < n; at++) {
        byte kept = other[right + at];
        other[right + at] ^= 0x80;
        if (sign(our_memcmp(one + left, other + right, n)) != sign(one[left + at] - other[right + at])) fail("a difference", n, left, right);
        /* The first difference counts, not a later one. */
        if (at + 1 < n) {
            byte later = one[left + n - 1];
            one[left + n - 1] = one[left + at] < other[right + at] ? 255 : 0;
            if (sign(our_memcmp(one + left, other + right, n)) != sign(one[left + at] - other[right + at])) fail("the first difference", n, left, right);
            one[left + n - 1] = later;
        }
        if (!our_bcmp(one + left, other + right, n)) fail("inequality", n, left, right);
        other[right + at] = kept;
    }
}

int main(void) {
    for (size_t n = 0; n <= MOST; n++) {
        for (int shift = -(int)n - 2; shift <= (int)n + 2; shift++) moved(n, 400, 400 + shift, 0);
        for (int offset = 0; offset < 16; offset++) {
            moved(n, offset, 600 + (offset * 7) % 16, 1);
            compared(n, offset, (offset * 5) % 16);
        }
    }
    for (int shift = -130; shift <= 130; shift += 13) moved(777, 200, 200 + shift, 0);
    puts("copies, moves and comparisons are right");
    return 0;
}
