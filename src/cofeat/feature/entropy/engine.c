// The inner loops of codec `cofeat`, for WebAssembly: tools/build_engine.sh makes engine.wasm.
//
// docs/bitstream.md (16) is the norm, and the modules next to this file say the same in numpy:
// coder.py, rans.py, rawbits.py, adaptive.py and walk.py; here is their work an element at a time.
// The host writes `model` and `job`, calls, and reads `job` and the arrays that it points to. It
// gives each array its place behind __heap_base; nothing is allocated here. An
// instance of the module serves one tensor after the other.

#include <stdint.h>

enum {
    PRECISION_BITS = 12,
    TOTAL = 1 << PRECISION_BITS,
    LOWEST_STATE = 1 << 16,
    LEAST_LANES = 8,
    TAIL_BITS = 4,
    MOST_LANES_BITS = 10,
    MOST_LANES = 1 << MOST_LANES_BITS,
    // An entry of a symbol: its frequency in the low bits, its start above.
    FREQUENCY_BITS = 13,
    FREQUENCY_MASK = (1 << FREQUENCY_BITS) - 1,
    COUNT_WEIGHT = 16,
    FIELD_BITS = 4,
    FIRST_BLOCK = 16,
    BUCKETS = 40,
    MIDDLE = 20,
    LEVELS = 22,
    ROOMS = 6,
    ZERO_ROWS = 64,
    CHANNEL_ROWS = 5,
    CHANNEL_SYMBOLS = 64,
    VALUE_ROWS = LEVELS * ROOMS,
    LOGARITHMS = 72,
    TYPES = 6,
    MOST_TAPS = 9,
    DIAGONAL_TYPE = 5,
    // Of a place: four near ones, and what else filters take; up to so many.
    NEAR = 4,
    REACHED = 12,
    LOWEST = -1024,
    HIGHEST = 2047,
};

// More elements than any tensor has: no lane retires while channels are told.
#define ALL_AFTER (1ll << 40)

enum { CHANNELS, ZEROS, VALUES };

// What went wrong; the host has the words, in this order.
enum { FINE, WORDS_END, BITS_END, MANY_LANES, NOT_TOGETHER, OUT_OF_RANGE, BITS_SET, HALF_WORD,
       NOT_AT_END, NOT_AT_LOWEST };

// Constants and first weights, from tables.py or fitted to a model.
struct {
    int32_t channel_weights[CHANNEL_ROWS][CHANNEL_SYMBOLS];
    int32_t zero_weights[ZERO_ROWS][2];
    int32_t value_weights[VALUE_ROWS][BUCKETS];
    int16_t logarithm[256];
    int16_t levels_by_logarithm[LOGARITHMS];
    int16_t shifts[LEVELS];
    int16_t room_classes[9];
    int16_t scale_weights[2][TYPES][5];
    int16_t zero_by_class[16];
    int16_t zero_by_neighbors[TYPES][16];
    int16_t zero_by_prediction[64];
} model;

// A pass of the lattice; `reached` has REACHED places for each of its own.
typedef struct {
    int32_t type, first, stop;
    const int32_t *reached;
} Pass;

typedef struct {
    int32_t row, count;
} Told;

// What host and engine tell each other; the same order of fields as in engine.py.
struct {
    int32_t decoding;
    int32_t lanes;
    // The payload's words, and its bytes backwards; encoding, the raw bits and symbols so far.
    uint16_t *words;
    int32_t words_count;
    uint8_t *bits;
    int32_t bytes;
    uint32_t *entries;
    int32_t entries_count;
    uint32_t *steps;
    uint8_t *head;
    // What is told of channels: blocks of raw fields (row -1) or of lists of symbols of a row.
    const Told *told;
    int32_t told_count;
    uint8_t *fields;
    const uint8_t *widths;
    // The tensor.
    int32_t places, top;
    int32_t left;  // elements that no pass up to this one codes
    const Pass *passes;
    int32_t passes_count;
    int16_t *planes;
    int16_t *deviations;
    const int16_t *prediction;
    const int32_t *said;
    const int16_t *filters;
    const uint8_t *zero_class;
    const uint8_t *scale;
    // By place, and 0 for the center: by how much residuals were larger than usual, summed over
    // channels, and how many there were; so far, and before the generation.
    int64_t *surprise;
    int64_t *before;
    // The generation, and room for the elements of a pass of it.
    int32_t first, stop;
    uint8_t *level;
    uint8_t *expected;
    int16_t *usual;
    uint8_t *symbols;
    uint8_t *rows;
    int32_t *chosen;
    int32_t *activity;
} job;

void *memset(void *to, int byte, unsigned long count) {
    uint8_t *at = to;
    while (count--) *at++ = (uint8_t)byte;
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, unsigned long count) {
    uint8_t *at = to;
    const uint8_t *source = from;
    while (count--) *at++ = *source++;
    return to;
}

static inline int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }
static inline int32_t clipped(int32_t x, int32_t low, int32_t high) {
    return smaller(larger(x, low), high);
}

// ---- rows that learn

static int64_t channel_weights[CHANNEL_ROWS * CHANNEL_SYMBOLS];
static int64_t zero_weights[ZERO_ROWS * 2];
static int64_t value_weights[VALUE_ROWS * BUCKETS];
static int64_t channel_totals[CHANNEL_ROWS], channel_due[CHANNEL_ROWS];
static int64_t zero_totals[ZERO_ROWS], zero_due[ZERO_ROWS];
static int64_t value_totals[VALUE_ROWS], value_due[VALUE_ROWS];
static uint32_t channel_entries[CHANNEL_ROWS * CHANNEL_SYMBOLS];
static uint32_t zero_entries[ZERO_ROWS * 2];
static uint32_t value_entries[VALUE_ROWS * BUCKETS];
static uint8_t channel_slots[CHANNEL_ROWS * TOTAL];
static uint8_t value_slots[VALUE_ROWS * TOTAL];

typedef struct {
    int32_t rows, symbols;
    int64_t *weights, *totals, *due;
    uint32_t *entries;
    uint8_t *slots;  // the symbol of each slot, for the decoder; two symbols need none
} Rows;

static const Rows kinds[3] = {
    {CHANNEL_ROWS, CHANNEL_SYMBOLS, channel_weights, channel_totals, channel_due, channel_entries,
     channel_slots},
    {ZERO_ROWS, 2, zero_weights, zero_totals, zero_due, zero_entries, 0},
    {VALUE_ROWS, BUCKETS, value_weights, value_totals, value_due, value_entries, value_slots},
};

// Scale the weights of a row to frequencies that add up to TOTAL.
static void make_row(const Rows *kind, int32_t row) {
    const int64_t *weights = kind->weights + row * kind->symbols;
    uint32_t *entries = kind->entries + row * kind->symbols;
    int64_t total = kind->totals[row];
    int32_t possible = 0;
    for (int32_t s = 0; s < kind->symbols; s++) possible += weights[s] > 0;
    int32_t left = TOTAL, most = 0;
    for (int32_t s = 0; s < kind->symbols; s++) {
        entries[s] = weights[s] > 0 ? 1 + (uint32_t)(weights[s] * (TOTAL - possible) / total) : 0;
        left -= entries[s];
        if (entries[s] > entries[most]) most = s;
    }
    entries[most] += left;
    uint32_t start = 0;
    for (int32_t s = 0; s < kind->symbols; s++) {
        uint32_t frequency = entries[s];
        if (job.decoding && kind->slots)
            memset(kind->slots + row * TOTAL + start, s, frequency);
        entries[s] = frequency | start << FREQUENCY_BITS;
        start += frequency;
    }
    kind->due[row] = 2 * total;
}

static void start_rows(const Rows *kind, const int32_t *first) {
    for (int32_t row = 0; row < kind->rows; row++) {
        int64_t total = 0;
        for (int32_t s = 0; s < kind->symbols; s++) {
            int32_t weight = first[row * kind->symbols + s];
            kind->weights[row * kind->symbols + s] = weight;
            total += weight;
        }
        kind->totals[row] = total;
        make_row(kind, row);
    }
}

static inline void learn(const Rows *kind, int32_t row, int32_t index) {
    kind->weights[index] += COUNT_WEIGHT;
    kind->totals[row] += COUNT_WEIGHT;
}

// After a block: rows whose weight has doubled are made anew.
static void renew(const Rows *kind) {
    for (int32_t row = 0; row < kind->rows; row++)
        if (kind->totals[row] >= kind->due[row]) make_row(kind, row);
}

// ---- lanes

static uint32_t state[MOST_LANES];
static int32_t running;   // lanes
static int32_t most;      // lanes that ever ran
static int64_t position;  // of the next word
static int64_t words_end;
static int32_t steps_count;

// Return how many lanes code the next step.
static inline int32_t lanes_for(int64_t left) {
    if (running <= LEAST_LANES || left >= (int64_t)running << TAIL_BITS) return running;
    int32_t wanted = (int32_t)(left >> TAIL_BITS);
    if (wanted <= LEAST_LANES) return LEAST_LANES;
    wanted = 1 << (31 - __builtin_clz(wanted));
    return smaller(running, wanted);
}

// Stop lanes, and put what they hold in front of the words.
static int retire(int32_t lanes) {
    for (int32_t lane = lanes; lane < running; lane++)
        if (state[lane] - LOWEST_STATE >= LOWEST_STATE) return NOT_TOGETHER;
    position -= running - lanes;
    for (int32_t lane = lanes; lane < running; lane++)
        job.words[position + lane - lanes] = (uint16_t)state[lane];
    running = lanes;
    return FINE;
}

static inline __attribute__((always_inline)) int decode_block(
    int which, const uint8_t *restrict rows, uint8_t *restrict symbols, int32_t count, int64_t after) {
    const Rows *kind = &kinds[which];
    for (int32_t first = 0; first < count;) {
        int32_t lanes = lanes_for(count - first + after);
        if (lanes < running) {
            int harm = retire(lanes);
            if (harm) return harm;
        }
        int32_t size = smaller(lanes, count - first);
        // The words have MOST_LANES more behind them, so that one look a step is enough.
        const uint16_t *words = job.words, *word = words + position;
        for (int32_t lane = 0; lane < size; lane++) {
            uint32_t x = state[lane];
            int32_t row = rows[first + lane];
            uint32_t slot = x & (TOTAL - 1);
            int32_t symbol;
            if (which == ZEROS)
                symbol = slot >= (zero_entries[2 * row] & FREQUENCY_MASK);
            else
                symbol = kind->slots[row * TOTAL + slot];
            int32_t index = row * kind->symbols + symbol;
            uint32_t entry = kind->entries[index];
            x = (entry & FREQUENCY_MASK) * (x >> PRECISION_BITS);
            x += slot - (entry >> FREQUENCY_BITS);
            int32_t empty = x < LOWEST_STATE;
            state[lane] = empty ? x << 16 | *word : x;
            word += empty;
            symbols[first + lane] = (uint8_t)symbol;
            learn(kind, row, index);
        }
        position = word - words;
        if (position > words_end) return WORDS_END;
        first += size;
    }
    renew(kind);
    return FINE;
}

// Keep what is to be coded; `finish` codes it, from the last symbol to the first.
static inline __attribute__((always_inline)) void encode_block(
    int which, const uint8_t *rows, const uint8_t *symbols, int32_t count, int64_t after) {
    const Rows *kind = &kinds[which];
    uint32_t *entries = job.entries + job.entries_count;
    for (int32_t k = 0; k < count; k++) {
        int32_t index = rows[k] * kind->symbols + symbols[k];
        entries[k] = kind->entries[index];
        learn(kind, rows[k], index);
    }
    job.entries_count += count;
    for (int32_t first = 0; first < count;) {
        running = lanes_for(count - first + after);
        int32_t size = smaller(running, count - first);
        job.steps[steps_count++] = (uint32_t)size << 16 | (uint32_t)running;
        first += size;
    }
    renew(kind);
}

static int code_block(
    int which, const uint8_t *rows, uint8_t *symbols, int32_t count, int64_t after) {
    if (job.decoding) return decode_block(which, rows, symbols, count, after);
    encode_block(which, rows, symbols, count, after);
    return FINE;
}

// ---- raw bits

static int64_t bit;        // of the next field
static uint64_t gathered;  // encoding: bits that are not in a byte yet

static inline uint32_t get_bits(int32_t width) {
    // The bytes have zeros behind them.
    const uint8_t *at = job.bits + (bit >> 3);
    uint32_t pair = (uint32_t)at[0] | (uint32_t)at[1] << 8;
    uint32_t field = pair >> (bit & 7) & ((1u << width) - 1);
    bit += width;
    return field;
}

static inline void put_bits(uint8_t *bytes, uint32_t field, int32_t width) {
    gathered |= (uint64_t)field << (bit & 7);
    int64_t end = bit + width;
    for (; (bit | 7) < end; bit = (bit | 7) + 1) {
        bytes[bit >> 3] = (uint8_t)gathered;
        gathered >>= 8;
    }
    bit = end;
}

static inline int bits_are_there(int64_t count) { return bit + count <= 8 * (int64_t)job.bytes; }

static int code_fields(uint8_t *fields, const uint8_t *widths, int32_t count) {
    if (!job.decoding) {
        for (int32_t k = 0; k < count; k++) put_bits(job.bits, fields[k], widths[k]);
        return FINE;
    }
    int64_t total = 0;
    for (int32_t k = 0; k < count; k++) total += widths[k];
    if (!bits_are_there(total)) return BITS_END;
    for (int32_t k = 0; k < count; k++) fields[k] = (uint8_t)get_bits(widths[k]);
    return FINE;
}

// ---- what the host calls

// Begin with a tensor; decoding, read the states.
__attribute__((export_name("begin"))) int begin(void) {
    position = bit = steps_count = 0;
    gathered = 0;
    start_rows(&kinds[CHANNELS], &model.channel_weights[0][0]);
    start_rows(&kinds[ZEROS], &model.zero_weights[0][0]);
    start_rows(&kinds[VALUES], &model.value_weights[0][0]);
    if (job.decoding) {
        words_end = job.words_count;
        if (!bits_are_there(FIELD_BITS)) return BITS_END;
        int32_t lanes_bits = (int32_t)get_bits(FIELD_BITS);
        job.lanes = 1 << lanes_bits;
        if (lanes_bits > MOST_LANES_BITS) return MANY_LANES;
        static uint8_t exponents[MOST_LANES];
        int64_t total = 16 * job.lanes;
        if (!bits_are_there(FIELD_BITS * job.lanes)) return BITS_END;
        for (int32_t lane = 0; lane < job.lanes; lane++) {
            exponents[lane] = (uint8_t)get_bits(FIELD_BITS);
            total += exponents[lane];
        }
        if (!bits_are_there(total)) return BITS_END;
        for (int32_t lane = 0; lane < job.lanes; lane++) {
            state[lane] = (uint32_t)LOWEST_STATE << exponents[lane];
            state[lane] |= get_bits(8);
        }
        for (int32_t lane = 0; lane < job.lanes; lane++) state[lane] |= get_bits(8) << 8;
        for (int32_t lane = 0; lane < job.lanes; lane++)
            state[lane] |= get_bits(smaller(exponents[lane], 8)) << 16;
        for (int32_t lane = 0; lane < job.lanes; lane++)
            state[lane] |= get_bits(larger(exponents[lane] - 8, 0)) << 24;
    }
    running = most = job.lanes;
    return FINE;
}

// Code lists of symbols and raw fields, one after the other in `fields`.
__attribute__((export_name("tell"))) int tell(void) {
    uint8_t *fields = job.fields;
    const uint8_t *widths = job.widths;
    for (int32_t k = 0; k < job.told_count; k++) {
        int32_t row = job.told[k].row, count = job.told[k].count;
        int harm = FINE;
        if (row < 0) {
            harm = code_fields(fields, widths, count);
            widths += count;
        } else {
            memset(job.rows, row, (unsigned long)count);
            // 16 symbols, then as many as there were before, so that the row learns.
            for (int32_t first = 0, stop = FIRST_BLOCK; first < count && !harm; stop *= 2) {
                int32_t end = smaller(stop, count);
                harm = code_block(CHANNELS, job.rows, fields + first, end - first, ALL_AFTER);
                first = end;
            }
        }
        if (harm) return harm;
        fields += count;
    }
    return FINE;
}

// ---- the walk

// By how much residuals at each place of a pass were larger than usual, in eighths of LOGARITHM.
static void find_activity(const Pass *pass) {
    for (int32_t place = pass->first; place < pass->stop; place++) {
        int64_t total = 4 * job.before[2 * place], count = 4 * job.before[2 * place + 1];
        if (pass->reached) {
            const int32_t *reached = pass->reached + REACHED * (int64_t)(place - pass->first);
            for (int32_t k = 0; k < NEAR; k++) {
                total += job.surprise[2 * reached[k]];
                count += job.surprise[2 * reached[k] + 1];
            }
        }
        total *= 8;
        count += 16;
        int64_t quotient = total / count;
        job.activity[place - pass->first] = (int32_t)(quotient - (quotient * count > total));
    }
}

// What the neighbors alone predict; a, b, c, d are the near ones.
static inline __attribute__((always_inline)) int32_t base_of(
    int32_t type, const int16_t *restrict plane, const int32_t *restrict reached,
    const int16_t *restrict filter, int32_t center, int32_t a, int32_t b, int32_t c, int32_t d) {
    int32_t total = 0;
    if (type == DIAGONAL_TYPE) {
        total = filter[0] * (a - center) + filter[1] * (b - center) + filter[2] * (c - center) +
                filter[3] * (d - center);
        for (int32_t tap = NEAR; tap < MOST_TAPS; tap++)
            total += filter[tap] * (plane[reached[tap]] - center);
    } else if (type) {
        int32_t beyond = -8 * center;
        for (int32_t k = NEAR; k < REACHED; k++) beyond += plane[reached[k]];
        total = filter[0] * (a + b - 2 * center) + filter[1] * (c + d - 2 * center) +
                filter[2] * beyond;
    }
    return clipped((total >> 4) + 4 * center, LOWEST, HIGHEST);
}

// What is known of the elements of a channel in a pass: level, expected value, usual logarithm, and
// in a spiked channel the row of "zero or not". Decoding, also base (in deviations).
static inline __attribute__((always_inline)) void describe(
    const Pass *pass, int32_t type, int decoding, int32_t channel, int32_t at, uint8_t *zero_row) {
    const int64_t offset = channel * (int64_t)job.places + pass->first;
    const int32_t size = pass->stop - pass->first, top = job.top;
    const int32_t zero_class = job.zero_class[channel], scale = job.scale[channel];
    const int32_t lowest = zero_class > 0;
    // In variables of its own: writing bytes might change `job`, for all that the compiler knows.
    const int16_t *restrict plane = job.planes + channel * (int64_t)(job.places + 1);
    const int16_t *restrict filter = job.filters + (channel * TYPES + type) * (int64_t)MOST_TAPS;
    const int32_t *restrict said = job.said;
    if (said) said += (channel - job.first) * (int64_t)job.places + pass->first;
    const int16_t *restrict prediction_of = job.prediction + offset;
    const int32_t *restrict activity = job.activity;
    const int16_t *weights = model.scale_weights[lowest][type];
    const int32_t constant = 4 * weights[0] * scale + weights[4];
    const int32_t by_spread = weights[1], by_expected = weights[2], by_activity = weights[3];
    const int16_t *restrict by_neighbors = model.zero_by_neighbors[type];
    const int32_t by_class = model.zero_by_class[zero_class];
    const int32_t center = plane[job.places];
    int16_t *restrict deviations = job.deviations + offset;
    uint8_t *restrict level_of = job.level + at, *restrict expected_of = job.expected + at;
    int16_t *restrict usual_of = job.usual + at;
    const int32_t *restrict reached = pass->reached;
    for (int32_t k = 0; k < size; k++, reached += REACHED) {
        int32_t a = center, b = center, c = center, d = center;
        if (type) {
            a = plane[reached[0]];
            b = plane[reached[1]];
            c = plane[reached[2]];
            d = plane[reached[3]];
        }
        int32_t prediction;
        if (decoding) {
            int32_t base = base_of(type, plane, reached, filter, center, a, b, c, d);
            deviations[k] = (int16_t)base;
            prediction = said ? clipped(base + said[k], LOWEST, HIGHEST) : base;
        } else {
            prediction = prediction_of[k];
        }
        int32_t expected = clipped((prediction + 2) >> 2, lowest, top) - lowest;
        int32_t spread = larger(larger(a, b), larger(c, d));
        spread -= smaller(smaller(a, b), smaller(c, d));
        int32_t usual = constant + by_spread * model.logarithm[spread] +
                        by_expected * model.logarithm[expected];
        int32_t level = clipped((usual + by_activity * activity[k]) >> 5, 0, LOGARITHMS - 1);
        level_of[k] = (uint8_t)model.levels_by_logarithm[level];
        expected_of[k] = (uint8_t)expected;
        usual_of[k] = (int16_t)(usual >> 5);
        if (lowest) {
            int32_t zeros = (a == 0) | (b == 0) << 1 | (c == 0) << 2 | (d == 0) << 3;
            int32_t eighths = clipped(((2 * prediction) >> (scale >> 1)) + 16, 0, 63);
            int32_t odds = model.zero_by_prediction[eighths] + by_neighbors[zeros] + by_class;
            zero_row[k] = (uint8_t)clipped((odds >> 1) + ZERO_ROWS / 2, 0, ZERO_ROWS - 1);
        }
    }
}

static void describe_any(const Pass *pass, int32_t channel, int32_t at, uint8_t *zero_row) {
    int32_t type = pass->type;
    if (!job.decoding)
        describe(pass, type, 0, channel, at, zero_row);
    else if (type == DIAGONAL_TYPE)
        describe(pass, DIAGONAL_TYPE, 1, channel, at, zero_row);
    else if (type)
        describe(pass, type, 1, channel, at, zero_row);
    else
        describe(pass, 0, 1, channel, at, zero_row);
}

// Code which elements of spiked channels are zero, by the rows in job.rows. Then the others, and all
// of plain channels, are `chosen`.
static int code_zeros(const Pass *pass, int32_t spiked, int32_t *chosen_count) {
    int32_t size = pass->stop - pass->first;
    int64_t after = job.left + (job.stop - job.first) * (int64_t)size;
    if (!job.decoding) {
        uint8_t *symbol = job.symbols;
        for (int32_t channel = job.first; channel < job.stop; channel++) {
            if (!job.zero_class[channel]) continue;
            const int16_t *values = job.planes + channel * (int64_t)(job.places + 1) + pass->first;
            for (int32_t k = 0; k < size; k++) *symbol++ = values[k] != 0;
        }
    }
    int harm = code_block(ZEROS, job.rows, job.symbols, spiked, after);
    if (harm) return harm;
    const uint8_t *symbol = job.symbols;
    int32_t at = 0, count = 0;
    for (int32_t channel = job.first; channel < job.stop; channel++) {
        int32_t lowest = job.zero_class[channel] > 0;
        for (int32_t k = 0; k < size; k++, at++) {
            job.chosen[count] = at;
            count += lowest ? *symbol++ : 1;
        }
    }
    *chosen_count = count;
    return FINE;
}

// Code the values of the chosen elements; decoding, all but their raw bits, which `settle` reads.
static int code_values(const Pass *pass, int32_t count) {
    int32_t size = pass->stop - pass->first;
    for (int32_t k = 0, channel = job.first, end = size; k < count; k++) {
        int32_t at = job.chosen[k];
        for (; at >= end; end += size) channel++;
        int32_t shift = model.shifts[job.level[at]], middle = job.expected[at] >> shift;
        job.rows[k] = (uint8_t)(job.level[at] * ROOMS + model.room_classes[smaller(middle, 8)]);
        if (!job.decoding) {
            int32_t lowest = job.zero_class[channel] > 0;
            int32_t place = pass->first + at - (end - size);
            int32_t above = job.planes[channel * (int64_t)(job.places + 1) + place] - lowest;
            int32_t bucket = clipped((above >> shift) - middle + MIDDLE, 0, BUCKETS - 1);
            int32_t far = bucket == 0 || bucket == BUCKETS - 1;
            job.symbols[k] = (uint8_t)bucket;
            int32_t width = far ? 8 : shift;
            put_bits(job.bits, (uint32_t)above & ((1u << width) - 1), width);
        }
    }
    int harm = code_block(VALUES, job.rows, job.symbols, count, job.left);
    if (harm) return harm;
    if (job.decoding) {
        int64_t bits_needed = 0;
        for (int32_t k = 0; k < count; k++) {
            int32_t far = job.symbols[k] == 0 || job.symbols[k] == BUCKETS - 1;
            bits_needed += far ? 8 : model.shifts[job.level[job.chosen[k]]];
        }
        if (!bits_are_there(bits_needed)) return BITS_END;
    }
    return FINE;
}

// Put the values into their planes, and count by how much they were a surprise.
static int settle(const Pass *pass, int32_t count) {
    int32_t size = pass->stop - pass->first, k = 0, at = 0, harm = FINE;
    for (int32_t channel = job.first; channel < job.stop; channel++) {
        int16_t *values = job.planes + channel * (int64_t)(job.places + 1) + pass->first;
        int16_t *deviations = job.deviations + channel * (int64_t)job.places + pass->first;
        int32_t lowest = job.zero_class[channel] > 0, highest = job.top - lowest;
        int64_t *surprise = job.surprise + 2 * (int64_t)pass->first;
        if (job.decoding)
            for (int32_t i = 0; i < size; i++) {
                values[i] = 0;
                deviations[i] = -deviations[i];
            }
        for (; k < count && job.chosen[k] < at + size; k++) {
            int32_t element = job.chosen[k], i = element - at;
            int32_t expected = job.expected[element], above;
            if (job.decoding) {
                int32_t shift = model.shifts[job.level[element]], bucket = job.symbols[k];
                if (bucket == 0 || bucket == BUCKETS - 1)
                    above = (int32_t)get_bits(8);
                else
                    above = (((expected >> shift) + bucket - MIDDLE) << shift) +
                            (int32_t)get_bits(shift);
                if (above < 0 || above > highest) {
                    harm = OUT_OF_RANGE;
                    above = 0;
                }
                values[i] = (int16_t)(above + lowest);
                deviations[i] += 4 * (above + lowest);
            } else {
                above = values[i] - lowest;
            }
            int32_t residual = above > expected ? above - expected : expected - above;
            surprise[2 * i] += model.logarithm[residual] - job.usual[element];
            surprise[2 * i + 1] += 1;
        }
        at += size;
    }
    return harm;
}

// Walk over the channels job.first to job.stop, a generation.
__attribute__((export_name("walk"))) int walk(void) {
    int64_t *surprise = job.surprise, *before = job.before;
    for (int64_t k = 0; k < 2 * (int64_t)job.places; k++) before[k] = surprise[k];
    for (int32_t index = 0; index < job.passes_count; index++) {
        const Pass *pass = &job.passes[index];
        int32_t size = pass->stop - pass->first, at = 0, spiked = 0, count;
        job.left -= (job.stop - job.first) * size;
        find_activity(pass);
        for (int32_t channel = job.first; channel < job.stop; channel++, at += size) {
            describe_any(pass, channel, at, job.rows + spiked);
            if (job.zero_class[channel]) spiked += size;
        }
        int harm = code_zeros(pass, spiked, &count);
        if (!harm) harm = code_values(pass, count);
        if (!harm) harm = settle(pass, count);
        if (harm) return harm;
    }
    return FINE;
}

// ---- the end

// Check that all bits and words were used, and every lane is where the encoder began.
static int check_end(void) {
    int64_t used = (bit + 7) >> 3, rest = job.bytes - used;
    if (bit & 7 && job.bits[used - 1] >> (bit & 7)) return BITS_SET;
    if (rest & 1) return HALF_WORD;
    if (position > rest >> 1) return NOT_AT_END;
    for (int64_t k = position; k < rest >> 1; k++)
        if (job.words[k]) return NOT_AT_END;
    for (int32_t lane = 0; lane < running; lane++)
        if (state[lane] != LOWEST_STATE) return NOT_AT_LOWEST;
    return FINE;
}

// Code the symbols that were kept, from the last to the first.
static void code_backwards(void) {
    // Words take the place of entries that are done with: a symbol makes one word at most.
    uint16_t *const end = (uint16_t *)(job.entries + job.entries_count);
    uint16_t *word = end;
    const uint32_t *entry = job.entries + job.entries_count;
    for (int32_t lane = 0; lane < most; lane++) state[lane] = LOWEST_STATE;
    for (int32_t step = steps_count; step-- > 0;) {
        int32_t size = (int32_t)(job.steps[step] >> 16);
        int32_t lanes = (int32_t)(job.steps[step] & 0xFFFF);
        for (; running < lanes; running++)
            if (word < end) state[running] += *word++;
        entry -= size;
        for (int32_t lane = size; lane-- > 0;) {
            uint32_t x = state[lane], frequency = entry[lane] & FREQUENCY_MASK;
            if (x >> (32 - PRECISION_BITS) >= frequency) {
                *--word = (uint16_t)x;
                x >>= 16;
            }
            // quotient * 2^12 + remainder + start, with the remainder written out
            x += x / frequency * (TOTAL - frequency) + (entry[lane] >> FREQUENCY_BITS);
            state[lane] = x;
        }
    }
    for (; running < most; running++)
        if (word < end) state[running] += *word++;
    job.words = word;
    job.words_count = (int32_t)(end - word);
}

// Put the states before the raw bits, into `head`.
static void put_head(void) {
    static uint8_t exponents[MOST_LANES];
    if (bit & 7) job.bits[bit >> 3] = (uint8_t)gathered;
    int64_t bits = bit;
    bit = 0;
    gathered = 0;
    put_bits(job.head, (uint32_t)(31 - __builtin_clz((uint32_t)most)), FIELD_BITS);
    for (int32_t lane = 0; lane < most; lane++) {
        exponents[lane] = (uint8_t)(15 - __builtin_clz(state[lane]));
        put_bits(job.head, exponents[lane], FIELD_BITS);
    }
    for (int32_t lane = 0; lane < most; lane++) put_bits(job.head, state[lane] & 0xFF, 8);
    for (int32_t lane = 0; lane < most; lane++) put_bits(job.head, state[lane] >> 8 & 0xFF, 8);
    for (int32_t lane = 0; lane < most; lane++) {
        uint32_t high = (state[lane] >> 16) - (1u << exponents[lane]);
        put_bits(job.head, high & 0xFF, smaller(exponents[lane], 8));
    }
    for (int32_t lane = 0; lane < most; lane++) {
        uint32_t high = (state[lane] >> 16) - (1u << exponents[lane]);
        put_bits(job.head, high >> 8, larger(exponents[lane] - 8, 0));
    }
    for (int64_t k = 0; k < bits; k += 8)
        put_bits(job.head, job.bits[k >> 3], bits - k < 8 ? (int32_t)(bits - k) : 8);
    if (bit & 7) job.head[bit >> 3] = (uint8_t)gathered;
    job.bytes = (int32_t)((bit + 7) >> 3);
}

// End a tensor: decoding, check; encoding, leave words in job.words and raw bits in job.head.
__attribute__((export_name("finish"))) int finish(void) {
    if (job.decoding) return check_end();
    code_backwards();
    put_head();
    return FINE;
}
