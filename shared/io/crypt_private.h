/* crypt_private.h - what the files of crypt know of each other, and the hash of files for blob.c.
 */
#ifndef PORTICO_CRYPT_PRIVATE_H
#define PORTICO_CRYPT_PRIVATE_H

#include "crypt.h"

#include <sys/types.h>

/* The subkey's KEY_SIZE bytes, valid for ever. */
const uint8_t *crypt_subkey(enum crypt_subkey key);

/*
 * Around libsodium's hash of one password: the memory of HASH_MEMORY bytes that it maps meanwhile
 * on this thread is that of the thread's last hash. See crypt_memory.c.
 */
enum { HASH_MEMORY = 19 * 1024 * 1024 };
void hash_memory_begin(void);
void hash_memory_end(void);

#if !SANITIZED /* it has its own */
/* The C library's, by the names that libsodium calls: mmap() is another in programs with offsets of
 * 64 bits, as ours are. */
void *hash_memory_map(void *at, size_t len, int protection, int flags, int fd,
                      off_t offset) __asm__("mmap");
int hash_memory_unmap(void *at, size_t len) __asm__("munmap");
#endif

/*
 * SHA-256 in pieces for documents: libcrypto's, which uses the processor's SHA instructions and is
 * five times as fast as libsodium's. Plain bytes, so that it may be copied between threads.
 */
struct sha256 {
	uint64_t state[16];
};

/* Start, take in bytes, give the hash and be of no more use. */
void sha256_start(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *bytes, size_t len);
void sha256_end(struct sha256 *h, uint8_t hash[HASH_SIZE]);

#endif
