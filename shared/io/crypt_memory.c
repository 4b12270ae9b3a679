/*
 * crypt_memory.c - the memory that passwords are hashed in, kept from one hash to the next.
 *
 * libsodium maps 19 MiB for each hash, has the kernel clear them page by page, and gives them back:
 * nearly half of what a hash costs. It takes no allocator of ours. So its calls of mmap() and
 * munmap(), which the dynamic linker binds to the program's own functions first, come here. On a
 * thread that hashes, and for its one large mapping, they give it what the last hash of the thread
 * has left; all other calls go to the kernel as ever. Should libsodium map otherwise one day, its
 * hashes are as slow as they were, and as right.
 *
 * What is kept is wiped: from what lies there after a hash, its first block can be told, and
 * passwords could be tried against that for nothing. The kernel may take it back when it needs
 * memory (MADV_FREE), so that threads which rest hold none that anybody else wants.
 */
#include "crypt_private.h"

#include <sodium.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The thread's: NULL until its first hash. */
static _Thread_local void *kept;
static _Thread_local bool hashing;

void hash_memory_begin(void)
{
	hashing = true;
}

void hash_memory_end(void)
{
	hashing = false;
}

#if !SANITIZED
void *hash_memory_map(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	const bool for_hash = hashing && len == HASH_MEMORY && fd == -1;
	void *mapped;

	if (for_hash && kept != NULL)
		return kept;
	mapped = (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
	if (for_hash && mapped != MAP_FAILED)
		kept = mapped;
	return mapped;
}

int hash_memory_unmap(void *at, size_t len)
{
	if (!hashing || at != kept)
		return (int)syscall(SYS_munmap, at, len);
	sodium_memzero(at, len);
	madvise(at, len, MADV_FREE);
	return 0;
}
#endif
