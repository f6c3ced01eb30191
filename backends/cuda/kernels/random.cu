// Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, SC 2011.
#include "common.cuh"

// draws[i] = the top 24 bits of word start + i of the stream (key, *step), times 2^-24. Each thread makes four words.
extern "C" __global__ void uniform(
    float* __restrict__ draws, const long long* __restrict__ step, long long start, long long count,
    unsigned int key0, unsigned int key1)
{
    whole first = start / 4, blocks = (start + count + 3) / 4 - first;
    unsigned long long update = (unsigned long long)*step;
    EACH(i, blocks) {
        unsigned long long block = (unsigned long long)(first + i);
        unsigned int c0 = (unsigned int)block, c1 = (unsigned int)(block >> 32);
        unsigned int c2 = (unsigned int)update, c3 = (unsigned int)(update >> 32);
        unsigned int k0 = key0, k1 = key1;
        for (int round = 0; round < 10; ++round) {
            unsigned long long product0 = 0xD2511F53ull * c0, product1 = 0xCD9E8D57ull * c2;
            c0 = (unsigned int)(product1 >> 32) ^ c1 ^ k0;
            c1 = (unsigned int)product1;
            c2 = (unsigned int)(product0 >> 32) ^ c3 ^ k1;
            c3 = (unsigned int)product0;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        unsigned int words[4] = {c0, c1, c2, c3};
        for (int j = 0; j < 4; ++j) {
            whole at = (first + i) * 4 + j - start;
            if (0 <= at && at < count) draws[at] = (float)(words[j] >> 8) * (1.0f / 16777216.0f);
        }
    }
}
