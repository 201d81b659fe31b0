/* The inner loops of initcli: what is done for every single value of a checkpoint.
 *
 * initcli/kernels/twin.py does the same with NumPy; it is the reference, and tests hold the
 * two equal. Nothing here knows of tensors or files. Every function takes buffers of whole
 * little-endian values, works without the interpreter's lock unless the values are few, and
 * returns plain numbers.
 *
 * Values are taken tile by tile, so that several loops over a tile find it in the first cache.
 * Sums run in independent lanes, which compilers turn into vector instructions, and which give
 * the same bits with and without them (built without contraction to fused multiply-add).
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "checkpoints are little-endian; on this machine the NumPy twin serves"
#endif

/* Where the linker can choose by processor, loops are built for wider vectors too. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute)
#if __has_attribute(target_clones)
#define VECTORS __attribute__((target_clones("avx2", "default")))
#endif
#endif
#ifndef VECTORS
#define VECTORS
#endif

#define DUST 1e-12

enum { FEW_BYTES = 1 << 14, TILE = 2048, LANES = 8, PAIR_LANES = 4, KEY_OF_MINUS_ZERO = 0x8000 };

/* ---- loops over one tile --------------------------------------------------------------------- */

typedef struct {
    double first, second, third, fourth; /* sums of powers of (x - shift) */
} Sums;

#define DEFINE_SUMS(TYPE)                                                                         \
    VECTORS static Sums sums_of_##TYPE(const void *tile, Py_ssize_t count, double shift)          \
    {                                                                                             \
        const TYPE *values = tile;                                                                \
        double first[LANES] = {0}, second[LANES] = {0}, third[LANES] = {0}, fourth[LANES] = {0};  \
        Sums sums = {0, 0, 0, 0};                                                                 \
        Py_ssize_t at = 0;                                                                        \
        for (; at + LANES <= count; at += LANES)                                                  \
            for (int lane = 0; lane < LANES; lane++) {                                            \
                double off = (double)values[at + lane] - shift, square = off * off;               \
                first[lane] += off;                                                               \
                second[lane] += square;                                                           \
                third[lane] += square * off;                                                      \
                fourth[lane] += square * square;                                                  \
            }                                                                                     \
        for (; at < count; at++) {                                                                \
            double off = (double)values[at] - shift, square = off * off;                          \
            sums.first += off;                                                                    \
            sums.second += square;                                                                \
            sums.third += square * off;                                                           \
            sums.fourth += square * square;                                                       \
        }                                                                                         \
        for (int lane = 0; lane < LANES; lane++) {                                                \
            sums.first += first[lane];                                                            \
            sums.second += second[lane];                                                          \
            sums.third += third[lane];                                                            \
            sums.fourth += fourth[lane];                                                          \
        }                                                                                         \
        return sums;                                                                              \
    }

#define DEFINE_EXTREMA(TYPE)                                                                      \
    VECTORS static void extrema_of_##TYPE(                                                        \
        const void *tile, Py_ssize_t count, double *low, double *high)                            \
    {                                                                                             \
        const TYPE *values = tile;                                                                \
        TYPE lows[LANES], highs[LANES];                                                           \
        Py_ssize_t at = 0;                                                                        \
        for (int lane = 0; lane < LANES; lane++)                                                  \
            lows[lane] = highs[lane] = values[0];                                                 \
        for (; at + LANES <= count; at += LANES)                                                  \
            for (int lane = 0; lane < LANES; lane++) {                                            \
                TYPE value = values[at + lane];                                                   \
                lows[lane] = value < lows[lane] ? value : lows[lane];                             \
                highs[lane] = value > highs[lane] ? value : highs[lane];                          \
            }                                                                                     \
        for (; at < count; at++) {                                                                \
            lows[0] = values[at] < lows[0] ? values[at] : lows[0];                                \
            highs[0] = values[at] > highs[0] ? values[at] : highs[0];                             \
        }                                                                                         \
        for (int lane = 0; lane < LANES; lane++) {                                                \
            *low = lows[lane] < *low ? lows[lane] : *low;                                         \
            *high = highs[lane] > *high ? highs[lane] : *high;                                    \
        }                                                                                         \
    }

DEFINE_SUMS(float)
DEFINE_SUMS(double)
DEFINE_EXTREMA(float)
DEFINE_EXTREMA(double)

static void tally_bytes(const uint8_t *raw, Py_ssize_t bytes, uint32_t *table)
{
    uint32_t apart[4][256] = {{0}}; /* equal neighbours would wait for each other */
    Py_ssize_t at = 0;
    for (; at + 4 <= bytes; at += 4) {
        uint32_t four;
        memcpy(&four, raw + at, sizeof four);
        apart[0][four & 255]++;
        apart[1][four >> 8 & 255]++;
        apart[2][four >> 16 & 255]++;
        apart[3][four >> 24]++;
    }
    for (; at < bytes; at++)
        apart[0][raw[at]]++;
    for (int key = 0; key < 256; key++)
        for (int lane = 0; lane < 4; lane++)
            table[key] += apart[lane][key];
}

static void tally_halves(const uint8_t *raw, Py_ssize_t bytes, uint32_t *table)
{
    Py_ssize_t at = 0;
    for (; at + 8 <= bytes; at += 8) { /* loaded four at a time: loads are what it waits for */
        uint64_t four;
        memcpy(&four, raw + at, sizeof four);
        table[four & 0xFFFF]++;
        table[four >> 16 & 0xFFFF]++;
        table[four >> 32 & 0xFFFF]++;
        table[four >> 48]++;
    }
    for (; at < bytes; at += 2) {
        uint16_t key;
        memcpy(&key, raw + at, sizeof key);
        table[key]++;
    }
}

/* A wide float is counted by sign, exponent and seven mantissa bits, as bfloat16 has them. */
static void tally_float(const void *tile, Py_ssize_t count, uint32_t *table)
{
    const uint32_t *bits = tile;
    Py_ssize_t at = 0;
    for (; at + 4 <= count; at += 4) { /* loaded two at a time: loads are what it waits for */
        uint64_t two, more;
        memcpy(&two, bits + at, sizeof two);
        memcpy(&more, bits + at + 2, sizeof more);
        table[two >> 16 & 0xFFFF]++;
        table[two >> 48]++;
        table[more >> 16 & 0xFFFF]++;
        table[more >> 48]++;
    }
    for (; at < count; at++)
        table[bits[at] >> 16]++;
}

/* Below 2^-126 a double is counted with zero, from 2^128 on with the largest of those keys. */
static void tally_double(const void *tile, Py_ssize_t count, uint32_t *table)
{
    const uint64_t *bits = tile;
    for (Py_ssize_t at = 0; at < count; at++) {
        uint64_t sign = bits[at] >> 63 << 15, size = bits[at] << 1 >> 1, key = size >> 45;
        if (key < (1023 - 126) << 7)
            key = 0;
        else if (key < (1023 + 128) << 7)
            key -= (1023 - 127) << 7;
        else if (key < 2047 << 7)
            key = 0x7F7F;
        else
            key = size << 12 ? 0x7FC0 : 0x7F80;
        table[sign | key]++;
    }
}

/* ---- how values are stored ------------------------------------------------------------------- */

typedef void (*Widen)(const void *tile, Py_ssize_t count, const float *lookup, double *wide);

VECTORS static void widen_float(
    const void *tile, Py_ssize_t count, const float *lookup, double *wide)
{
    for (Py_ssize_t at = 0; at < count; at++)
        wide[at] = (double)((const float *)tile)[at];
}

static void widen_double(const void *tile, Py_ssize_t count, const float *lookup, double *wide)
{
    memcpy(wide, tile, (size_t)count * sizeof *wide);
}

VECTORS static void widen_bfloat(
    const void *tile, Py_ssize_t count, const float *lookup, double *wide)
{
    for (Py_ssize_t at = 0; at < count; at++) {
        uint32_t bits = (uint32_t)((const uint16_t *)tile)[at] << 16;
        float value;
        memcpy(&value, &bits, sizeof value);
        wide[at] = (double)value;
    }
}

static void widen_half(const void *tile, Py_ssize_t count, const float *lookup, double *wide)
{
    for (Py_ssize_t at = 0; at < count; at++)
        wide[at] = (double)lookup[((const uint16_t *)tile)[at]];
}

static void widen_byte(const void *tile, Py_ssize_t count, const float *lookup, double *wide)
{
    for (Py_ssize_t at = 0; at < count; at++)
        wide[at] = (double)lookup[((const uint8_t *)tile)[at]];
}

typedef struct {
    char code; /* as Python's struct module has it; 'b' for bfloat16 */
    Py_ssize_t size, patterns; /* bytes a value; entries of its lookup table */
    Widen widen;
    void (*tally)(const void *tile, Py_ssize_t count, uint32_t *table);
    Sums (*sums)(const void *tile, Py_ssize_t count, double shift);
    void (*extrema)(const void *tile, Py_ssize_t count, double *low, double *high);
    double smallest; /* what is nearer to zero is subnormal */
} Kind;

static const Kind KINDS[] = {
    {'f', 4, 0, widen_float, tally_float, sums_of_float, extrema_of_float, 0x1p-126},
    {'d', 8, 0, widen_double, tally_double, sums_of_double, extrema_of_double, 0x1p-1022},
    {'b', 2, 0, widen_bfloat, NULL, NULL, NULL, 0},
    {'H', 2, 65536, widen_half, NULL, NULL, NULL, 0},
    {'B', 1, 256, widen_byte, NULL, NULL, NULL, 0},
};

static const Kind *kind_of(int code)
{
    for (size_t each = 0; each < sizeof KINDS / sizeof *KINDS; each++)
        if (KINDS[each].code == code)
            return KINDS + each;
    PyErr_Format(PyExc_ValueError, "no kind of value has the code %c", code);
    return NULL;
}

/* ---- one chunk of wide floats ---------------------------------------------------------------- */

typedef struct {
    int64_t finite, nan, positive, negative, zeros, subnormal; /* in the middle: infinities */
    double low, high, shift;
    Sums sums;
} Scan;

static void add(Sums *total, Sums part)
{
    total->first += part.first;
    total->second += part.second;
    total->third += part.third;
    total->fourth += part.fourth;
}

/* Moves the finite values of a tile to its front, and returns their number. */
static Py_ssize_t keep_finite(double *wide, Py_ssize_t count)
{
    Py_ssize_t kept = 0;
    for (Py_ssize_t at = 0; at < count; at++)
        if (isfinite(wide[at]))
            wide[kept++] = wide[at];
    return kept;
}

static void count_special(const Kind *kind, const double *wide, Py_ssize_t count, Scan *scan)
{
    for (Py_ssize_t at = 0; at < count; at++) {
        scan->nan += isnan(wide[at]) != 0;
        scan->positive += wide[at] == INFINITY;
        scan->negative += wide[at] == -INFINITY;
        scan->zeros += wide[at] == 0;
        scan->subnormal += wide[at] != 0 && fabs(wide[at]) < kind->smallest;
    }
}

static int has_special(const uint32_t *table, uint32_t *near_zero)
{
    uint32_t before = *near_zero, now = 0;
    for (int key = 0; key < 128; key++)
        now += table[key] + table[KEY_OF_MINUS_ZERO + key];
    *near_zero = now;
    return before != now;
}

/* A tile at a time: whatever is rare (NaN, infinities, zeros, subnormals) is looked for only
 * where the sums or the table show that there is some. */
static void fold_tile(
    const Kind *kind, const void *tile, Py_ssize_t count, int near_zero, Scan *scan)
{
    double wide[TILE];
    Sums sums = {0, 0, 0, NAN};
    if (scan->finite)
        sums = kind->sums(tile, count, scan->shift);
    int is_plain = isfinite(sums.fourth);
    if (is_plain) {
        kind->extrema(tile, count, &scan->low, &scan->high);
        scan->finite += count;
        add(&scan->sums, sums);
    }
    if (is_plain && !near_zero)
        return;
    kind->widen(tile, count, NULL, wide);
    count_special(kind, wide, count, scan);
    Py_ssize_t kept = is_plain ? 0 : keep_finite(wide, count);
    if (!kept)
        return;
    if (!scan->finite)
        scan->shift = sums_of_double(wide, kept, 0).first / (double)kept;
    extrema_of_double(wide, kept, &scan->low, &scan->high);
    scan->finite += kept;
    add(&scan->sums, sums_of_double(wide, kept, scan->shift));
}

/* Whether the mean lies so far from the shift that sums about it have lost digits. */
static int is_far(const Scan *scan)
{
    double first = scan->sums.first, second = scan->sums.second;
    return isfinite(second) && first * first > 0.5 * second * (double)scan->finite;
}

static void sum_again(const Kind *kind, const uint8_t *raw, Py_ssize_t count, Scan *scan)
{
    double wide[TILE];
    scan->shift += scan->sums.first / (double)scan->finite;
    scan->sums = (Sums){0, 0, 0, 0};
    for (Py_ssize_t at = 0; at < count; at += TILE) {
        Py_ssize_t here = count - at < TILE ? count - at : TILE;
        double tile[TILE];
        memcpy(tile, raw + at * kind->size, (size_t)(here * kind->size));
        kind->widen(tile, here, NULL, wide);
        add(&scan->sums, sums_of_double(wide, keep_finite(wide, here), scan->shift));
    }
}

static Scan scan_chunk(const Kind *kind, const uint8_t *raw, Py_ssize_t count, uint32_t *table)
{
    Scan scan = {0, 0, 0, 0, 0, 0, INFINITY, -INFINITY, 0, {0, 0, 0, 0}};
    uint32_t near_zero = 0;
    has_special(table, &near_zero);
    for (Py_ssize_t at = 0; at < count; at += TILE) {
        Py_ssize_t here = count - at < TILE ? count - at : TILE;
        double tile[TILE]; /* aligned, which the bytes of a file need not be */
        memcpy(tile, raw + at * kind->size, (size_t)(here * kind->size));
        kind->tally(tile, here, table);
        fold_tile(kind, tile, here, has_special(table, &near_zero), &scan);
    }
    if (is_far(&scan))
        sum_again(kind, raw, count, &scan);
    return scan;
}

/* ---- two chunks of floats -------------------------------------------------------------------- */

typedef struct {
    int64_t compared, unequal, beyond, flips; /* flips: pairs of opposite sign */
    double largest, absolute, squared, product;
} Gap;

typedef struct {
    int64_t count;
    double shift, first, second;
} Side;

typedef struct {
    double relative, absolute;
} Tolerance;

VECTORS static Gap gap_of(const double *a, const double *b, Py_ssize_t count, Tolerance allowed)
{
    double unequal[PAIR_LANES] = {0}, beyond[PAIR_LANES] = {0}, largest[PAIR_LANES] = {0};
    double absolute[PAIR_LANES] = {0}, squared[PAIR_LANES] = {0}, product[PAIR_LANES] = {0};
    double flips[PAIR_LANES] = {0};
    Gap gap = {count, 0, 0, 0, 0, 0, 0, 0};
    for (Py_ssize_t at = 0; at < count; at += PAIR_LANES)
        for (int lane = 0; lane < PAIR_LANES; lane++) {
            double one = a[at + lane], other = b[at + lane], off = fabs(one - other);
            unequal[lane] += one != other ? 1.0 : 0.0;
            beyond[lane] += off > allowed.absolute + allowed.relative * fabs(other) ? 1.0 : 0.0;
            largest[lane] = off > largest[lane] ? off : largest[lane];
            absolute[lane] += off;
            squared[lane] += off * off;
            product[lane] += one * other;
            flips[lane] += one * other < 0 ? 1.0 : 0.0;
        }
    for (int lane = 0; lane < PAIR_LANES; lane++) {
        gap.unequal += (int64_t)unequal[lane];
        gap.beyond += (int64_t)beyond[lane];
        gap.flips += (int64_t)flips[lane];
        gap.largest = largest[lane] > gap.largest ? largest[lane] : gap.largest;
        gap.absolute += absolute[lane];
        gap.squared += squared[lane];
        gap.product += product[lane];
    }
    return gap;
}

static void add_gap(Gap *total, Gap part)
{
    total->compared += part.compared;
    total->unequal += part.unequal;
    total->beyond += part.beyond;
    total->flips += part.flips;
    total->largest = part.largest > total->largest ? part.largest : total->largest;
    total->absolute += part.absolute;
    total->squared += part.squared;
    total->product += part.product;
}

/* Returns whether the sums stay finite, as they do unless a value is not. */
VECTORS static int add_side(Side *side, const double *wide, Py_ssize_t count)
{
    double first[LANES] = {0}, second[LANES] = {0};
    Py_ssize_t at = 0;
    if (!side->count) {
        side->shift = sums_of_double(wide, count, 0).first / (double)count;
        if (fabs(side->shift - wide[0]) < DUST * fabs(wide[0]))
            side->shift = wide[0]; /* constants leave nothing, then, rather than rounding dust */
    }
    double shift = side->shift; /* which, through the pointer, might change in the loop */
    for (; at + LANES <= count; at += LANES)
        for (int half = 0; half < LANES; half += PAIR_LANES)
            for (int lane = half; lane < half + PAIR_LANES; lane++) {
                double off = wide[at + lane] - shift;
                first[lane] += off;
                second[lane] += off * off;
            }
    for (; at < count; at++) {
        double off = wide[at] - shift;
        first[0] += off;
        second[0] += off * off;
    }
    for (int lane = 0; lane < LANES; lane++) {
        side->first += first[lane];
        side->second += second[lane];
    }
    side->count += count;
    return isfinite(side->second) != 0;
}

/* Returns whether every value is finite, and every sum. */
static int sum_chunk(const Kind *kind, const uint8_t *raw, Py_ssize_t count, Side *side)
{
    double tile[TILE], wide[TILE];
    for (Py_ssize_t at = 0; at < count; at += TILE) {
        Py_ssize_t here = count - at < TILE ? count - at : TILE;
        memcpy(tile, raw + at * kind->size, (size_t)(here * kind->size));
        kind->widen(tile, here, NULL, wide);
        if (!add_side(side, wide, here))
            return 0;
    }
    return 1;
}

typedef struct {
    const Kind *kind;
    const float *lookup;
    Tolerance allowed;
} Comparison;

static int compare_tile(
    const Comparison *how, const uint8_t *raw_a, const uint8_t *raw_b, Py_ssize_t count, Gap *gap,
    Side *sides)
{
    double tile[TILE], a[TILE], b[TILE];
    size_t bytes = (size_t)(count * how->kind->size);
    memcpy(tile, raw_a, bytes);
    how->kind->widen(tile, count, how->lookup, a);
    memcpy(tile, raw_b, bytes);
    how->kind->widen(tile, count, how->lookup, b);
    if (!add_side(sides, a, count) || !add_side(sides + 1, b, count))
        return 0;
    for (Py_ssize_t at = count; at % PAIR_LANES; at++)
        a[at] = b[at] = 0; /* equal, and of no size: they add nothing */
    add_gap(gap, gap_of(a, b, count, how->allowed));
    return isfinite(gap->squared) != 0;
}

/* Returns whether every value is finite, and every sum. */
static int compare_chunks(
    const Comparison *how, const uint8_t *a, const uint8_t *b, Py_ssize_t count, Gap *gap,
    Side *sides)
{
    for (Py_ssize_t at = 0; at < count; at += TILE) {
        Py_ssize_t here = count - at < TILE ? count - at : TILE, first = at * how->kind->size;
        if (!compare_tile(how, a + first, b + first, here, gap, sides))
            return 0;
    }
    return 1;
}

/* ---- what Python sees ------------------------------------------------------------------------ */

/* Threads would hand the lock to and fro for longer than it takes to fold a few values. */
static PyThreadState *release_for(Py_ssize_t bytes)
{
    return bytes < FEW_BYTES ? NULL : PyEval_SaveThread();
}

static void retake(PyThreadState *released)
{
    if (released != NULL)
        PyEval_RestoreThread(released);
}

static int is_table(const Py_buffer *table, Py_ssize_t keys)
{
    if (table->itemsize == sizeof(uint32_t) && table->len == keys * table->itemsize)
        return 1;
    PyErr_Format(PyExc_ValueError, "a table of %zd keys needs as many 32-bit counts", keys);
    return 0;
}

static PyObject *count(
    PyObject *arguments, Py_ssize_t size, Py_ssize_t keys,
    void (*tally)(const uint8_t *raw, Py_ssize_t bytes, uint32_t *table))
{
    Py_buffer values, table;
    if (!PyArg_ParseTuple(arguments, "y*w*", &values, &table))
        return NULL;
    int is_good = is_table(&table, keys);
    if (is_good && values.len % size) {
        PyErr_SetString(PyExc_ValueError, "only whole values are counted");
        is_good = 0;
    }
    if (is_good) {
        PyThreadState *released = release_for(values.len);
        tally(values.buf, values.len, table.buf);
        retake(released);
    }
    PyBuffer_Release(&values);
    PyBuffer_Release(&table);
    return is_good ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(count_bytes_doc,
    "count_bytes(values, table)\n--\n\nCounts every byte in a table of 256 32-bit counts.");

static PyObject *count_bytes(PyObject *module, PyObject *arguments)
{
    return count(arguments, 1, 256, tally_bytes);
}

PyDoc_STRVAR(count_halves_doc,
    "count_halves(values, table)\n--\n\nCounts every pattern of 16 bits in a table of 65,536 "
    "32-bit counts.");

static PyObject *count_halves(PyObject *module, PyObject *arguments)
{
    return count(arguments, 2, 65536, tally_halves);
}

PyDoc_STRVAR(scan_doc,
    "scan(values, code, table)\n--\n\n"
    "Counts wide floats (code 'f' or 'd') by their leading bits, and returns (finite, nan,\n"
    "positive infinities, negative ones, zeros, subnormals, minimum, maximum, shift, and the sums\n"
    "of the first four powers of x - shift over the finite values).");

static PyObject *scan(PyObject *module, PyObject *arguments)
{
    Py_buffer values, table;
    int code;
    if (!PyArg_ParseTuple(arguments, "y*Cw*", &values, &code, &table))
        return NULL;
    const Kind *kind = kind_of(code);
    int is_good = kind != NULL && is_table(&table, 65536);
    if (is_good && (kind->tally == NULL || values.len % kind->size)) {
        PyErr_SetString(PyExc_ValueError, "only wide floats are scanned, and whole ones");
        is_good = 0;
    }
    Scan seen = {0};
    if (is_good) {
        PyThreadState *released = release_for(values.len);
        seen = scan_chunk(kind, values.buf, values.len / kind->size, table.buf);
        retake(released);
    }
    PyBuffer_Release(&values);
    PyBuffer_Release(&table);
    if (!is_good)
        return NULL;
    return Py_BuildValue("(LLLLLLddddddd)", (long long)seen.finite, (long long)seen.nan,
        (long long)seen.positive, (long long)seen.negative, (long long)seen.zeros,
        (long long)seen.subnormal, seen.low, seen.high, seen.shift, seen.sums.first,
        seen.sums.second, seen.sums.third, seen.sums.fourth);
}

static PyObject *comparison_tuple(Gap gap, const Side *sides)
{
    return Py_BuildValue("((LLLLdddd)(Lddd)(Lddd))", (long long)gap.compared,
        (long long)gap.unequal, (long long)gap.beyond, (long long)gap.flips, gap.largest,
        gap.absolute, gap.squared, gap.product, (long long)sides[0].count, sides[0].shift, sides[0].first, sides[0].second,
        (long long)sides[1].count, sides[1].shift, sides[1].first, sides[1].second);
}

PyDoc_STRVAR(total_doc,
    "total(values, code)\n--\n\n"
    "Sums wide floats (code 'f' or 'd') without counting them. Returns (number, shift, sums of\n"
    "the first two powers of x - shift); None if a value or a sum is not finite.");

static PyObject *total(PyObject *module, PyObject *arguments)
{
    Py_buffer values;
    int code;
    if (!PyArg_ParseTuple(arguments, "y*C", &values, &code))
        return NULL;
    const Kind *kind = kind_of(code);
    int is_good = kind != NULL, is_finite = 0;
    if (is_good && (kind->tally == NULL || values.len % kind->size)) {
        PyErr_SetString(PyExc_ValueError, "only wide floats are summed, and whole ones");
        is_good = 0;
    }
    Side side = {0};
    if (is_good) {
        PyThreadState *released = release_for(values.len);
        is_finite = sum_chunk(kind, values.buf, values.len / kind->size, &side);
        retake(released);
    }
    PyBuffer_Release(&values);
    if (!is_good)
        return NULL;
    if (!is_finite)
        return Py_NewRef(Py_None);
    return Py_BuildValue("(Lddd)", (long long)side.count, side.shift, side.first, side.second);
}

PyDoc_STRVAR(compare_doc,
    "compare(a, b, code, lookup, tolerance)\n--\n\n"
    "Compares floats at the same places of two chunks of one kind: 'f', 'd', 'b' (bfloat16), or\n"
    "'H' and 'B', whose patterns are looked up in a table of 32-bit floats; the tolerance is\n"
    "(relative, absolute). Returns ((number,\n"
    "unequal, beyond tolerance, of opposite sign, largest |a - b|, sum |a - b|, sum |a - b|^2, sum a b), and for\n"
    "each side (number, shift, sums of the first two powers of x - shift)); None if a value or a\n"
    "sum is not finite.");

static PyObject *compare(PyObject *module, PyObject *arguments)
{
    Py_buffer a, b, lookup;
    int code;
    Tolerance allowed;
    if (!PyArg_ParseTuple(arguments, "y*y*Cy*(dd)", &a, &b, &code, &lookup, &allowed.relative,
            &allowed.absolute))
        return NULL;
    const Kind *kind = kind_of(code);
    int is_good = kind != NULL, is_finite = 0;
    if (is_good && (a.len != b.len || a.len % kind->size
            || lookup.len < kind->patterns * (Py_ssize_t)sizeof(float))) {
        PyErr_SetString(PyExc_ValueError,
            "chunks of unequal size or broken values, or too small a lookup table");
        is_good = 0;
    }
    Gap gap = {0};
    Side sides[2] = {{0}};
    if (is_good) {
        Comparison how = {kind, lookup.buf, allowed};
        PyThreadState *released = release_for(a.len);
        is_finite = compare_chunks(&how, a.buf, b.buf, a.len / kind->size, &gap, sides);
        retake(released);
    }
    PyBuffer_Release(&a);
    PyBuffer_Release(&b);
    PyBuffer_Release(&lookup);
    if (!is_good)
        return NULL;
    return is_finite ? comparison_tuple(gap, sides) : Py_NewRef(Py_None);
}

PyDoc_STRVAR(same_doc, "same(a, b)\n--\n\nWhether two chunks hold the same bytes.");

static PyObject *same(PyObject *module, PyObject *arguments)
{
    Py_buffer a, b;
    int is_same;
    if (!PyArg_ParseTuple(arguments, "y*y*", &a, &b))
        return NULL;
    PyThreadState *released = release_for(a.len);
    is_same = a.len == b.len && memcmp(a.buf, b.buf, (size_t)a.len) == 0;
    retake(released);
    PyBuffer_Release(&a);
    PyBuffer_Release(&b);
    return PyBool_FromLong(is_same);
}

static PyMethodDef functions[] = {
    {"count_bytes", count_bytes, METH_VARARGS, count_bytes_doc},
    {"count_halves", count_halves, METH_VARARGS, count_halves_doc},
    {"scan", scan, METH_VARARGS, scan_doc},
    {"total", total, METH_VARARGS, total_doc},
    {"compare", compare, METH_VARARGS, compare_doc},
    {"same", same, METH_VARARGS, same_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_compiled",
    .m_doc = "The inner loops of initcli.",
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__compiled(void)
{
    return PyModuleDef_Init(&definition);
}
