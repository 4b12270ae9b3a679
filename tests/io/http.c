/* http.c - tests of shared/io/http.h against a small server of our own. */
#include "http.h"

#include "../unit/unit.h"
#include "loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>

static int listener;
static uint16_t port;
static char last_request[8192];

static void send_text(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void answer(int fd, const char *path)
{
	if (strncmp(path, "/ok", 3) == 0)
		send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
	else if (strncmp(path, "/missing", 8) == 0)
		send_text(fd, "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno");
	else if (strncmp(path, "/moved", 6) == 0)
		send_text(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
	else if (strncmp(path, "/chunks", 7) == 0)
		send_text(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		              "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
	else if (strncmp(path, "/cut", 4) == 0)
		send_text(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
	else if (strncmp(path, "/slow", 5) == 0)
		usleep(600000);
}

static void *serve(void *arg)
{
	ssize_t n;
	int fd;

	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		n = read(fd, last_request, sizeof(last_request) - 1);
		last_request[n > 0 ? n : 0] = '\0';
		if (strchr(last_request, ' '))
			answer(fd, strchr(last_request, ' ') + 1);
		close(fd);
	}
	return arg;
}

static int call(struct arena *a, const char *path, struct http_reply *reply, const char **why)
{
	struct http_call c = {.method = "GET", .timeout_ms = 300, .reply_max = 100};

	c.url = path[0] == '/' ? arena_printf(a, "http://127.0.0.1:%u%s", port, path) : path;
	return http_call(a, &c, reply, why);
}

static void test_http_replies(void **state)
{
	static const struct {
		const char *path;
		int status;
		const char *body;
	} cases[] = {{"/ok", 200, "hello"},
	             {"/missing", 404, "no"},
	             {"/moved", 302, ""},
	             {"/chunks", 200, "abcdefg"}};
	struct http_reply reply;
	struct arena a;
	const char *why;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	for (size_t i = 0; i < lengthof(cases); i++) {
		if (call(&a, cases[i].path, &reply, &why) < 0)
			fail_msg("%s: %s", cases[i].path, why);
		assert_int_equal(reply.status, cases[i].status);
		assert_string_equal(reply.body.data, cases[i].body);
	}
	arena_release(&a);
}

static void test_http_sends(void **state)
{
	static const char *const headers[] = {"Content-Type: text/x-test", "X-One: 1", NULL};
	struct http_call c = {.method = "PUT",
	                      .headers = headers,
	                      .body = "the body",
	                      .body_len = 8,
	                      .timeout_ms = 1000,
	                      .reply_max = 100};
	struct http_reply reply;
	struct arena a;
	const char *why;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	c.url = arena_printf(&a, "http://127.0.0.1:%u/ok?x=1", port);
	assert_int_equal(http_call(&a, &c, &reply, &why), 0);
	assert_int_equal(strncmp(last_request, "PUT /ok?x=1 HTTP/1.1\r\n", 22), 0);
	assert_non_null(strstr(last_request, "\r\nContent-Type: text/x-test\r\n"));
	assert_non_null(strstr(last_request, "\r\nX-One: 1\r\n"));
	assert_non_null(strstr(last_request, "\r\nContent-Length: 8\r\n"));
	assert_non_null(strstr(last_request, "\r\n\r\nthe body"));
	arena_release(&a);
}

static void test_http_failures(void **state)
{
	static const char *const bad[] = {
		"/cut",   "/nothing",           "/slow", "file:///etc/passwd", "ftp://127.0.0.1/x",
		"no url", "http://127.0.0.1:1/"};
	struct http_call c = {.method = "GET", .timeout_ms = 1000, .reply_max = 4};
	struct http_reply reply;
	struct arena a;
	const char *why;

	(void)state;
	arena_init(&a, TEST_ARENA_MAX);
	for (size_t i = 0; i < lengthof(bad); i++) {
		why = NULL;
		if (call(&a, bad[i], &reply, &why) == 0)
			fail_msg("%s", bad[i]);
		assert_true(why && why[0]);
	}
	c.url = arena_printf(&a, "http://127.0.0.1:%u/ok", port);
	assert_int_equal(http_call(&a, &c, &reply, &why), -1);
	assert_string_equal(why, "the reply is too long");
	arena_release(&a);
}

static int results[8];

static void caller(void *arg)
{
	struct http_reply reply;
	struct arena a;
	const char *why;

	arena_init(&a, TEST_ARENA_MAX);
	*(int *)arg = call(&a, "/slow", &reply, &why);
	arena_release(&a);
}

static void test_http_cancelled(void **state)
{
	struct strand *s;

	(void)state;
	loop_use();
	for (size_t i = 0; i < lengthof(results); i++) {
		results[i] = 9;
		s = loop_start(caller, &results[i]);
		for (size_t turn = 0; turn < i; turn++)
			loop_turn(2);
		loop_cancel(s);
		assert_int_equal(results[i], -1);
	}
	assert_int_equal(fiber_count(), 0);
	io_driver = &io_poll_driver;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http_replies),
		cmocka_unit_test(test_http_sends),
		cmocka_unit_test(test_http_failures),
		cmocka_unit_test(test_http_cancelled),
	};
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	pthread_t thread;
	int failed;

	signal(SIGPIPE, SIG_IGN);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 64) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
	    pthread_create(&thread, NULL, serve, NULL) != 0)
		return 1;
	port = ntohs(address.sin_port);
	failed = cmocka_run_group_tests_name("io/http", tests, NULL, NULL);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	return failed;
}
