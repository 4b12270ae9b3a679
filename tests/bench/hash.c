/*
 * hash.c - what the password hash alone allows: `hash SECONDS HASH PASSWORD [kept]` checks the
 * password on every processor at once and prints the checks a second: by libsodium as it comes, or
 * with its memory kept from check to check, as in the API.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "crypt_private.h"

enum { THREADS_MAX = 256 };

struct run {
	const char *hash, *password;
	bool kept;
	double seconds, ended; /* from the start of all */
	long checks;
	struct timespec began;
};

static double since(const struct timespec *began)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9;
}

static void *check(void *arg)
{
	struct run *r = arg;

	if (r->kept)
		hash_memory_begin();
	do {
		if (crypto_pwhash_str_verify(r->hash, r->password, strlen(r->password)) != 0)
			abort();
		r->checks++;
		r->ended = since(&r->began);
	} while (r->ended < r->seconds);
	return NULL;
}

int main(int argc, char **argv)
{
	const long processors = sysconf(_SC_NPROCESSORS_ONLN);
	const long n = processors > THREADS_MAX ? THREADS_MAX : processors;
	static pthread_t threads[THREADS_MAX];
	static struct run runs[THREADS_MAX];
	double rate = 0;

	if ((argc != 4 && argc != 5) || sodium_init() < 0)
		return EXIT_FAILURE;
	for (long i = 0; i < n; i++) {
		runs[i] = (struct run){.hash = argv[2],
		                       .password = argv[3],
		                       .seconds = atof(argv[1]),
		                       .kept = argc == 5};
		clock_gettime(CLOCK_MONOTONIC, &runs[i].began);
		if (pthread_create(&threads[i], NULL, check, &runs[i]) != 0)
			return EXIT_FAILURE;
	}
	for (long i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		rate += (double)runs[i].checks / runs[i].ended;
	}
	printf("%.2f\n", rate);
	return EXIT_SUCCESS;
}
