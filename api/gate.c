/*
 * gate.c - where requests run: Kore's event loop on one side, fibers and dispatch() on the other.
 *
 * Each request is a strand, a fiber and what it waits for; so is each background task. A strand
 * that waits is parked, with its descriptors in Kore's epoll set and its time-out among Kore's
 * timers. What ends the wait only marks the strand ready. Ready strands are resumed by a timer that
 * is due at once, which Kore runs after the events of one turn: so no strand runs while a batch of
 * events is being dealt out, and none is ever resumed from inside another.
 *
 * Kore frees a request when its client is gone, and tells us before (onfree): the strand is
 * cancelled and resumed until it has ended, so that nothing outlives the request.
 *
 * Kore's traps that are met here: see head.c; answers are written by us, since Kore's own names
 * itself and lets line breaks through; its 408 in the middle of a handler, or on an idle
 * connection, by http_timeout = 0.
 */
#include "gate.h"

#include "fiber.h"
#include "hands.h"
#include "head.h"
#include "io.h"
#include "json.h"
#include "log.h"

#include <kore/kore.h>

#include <assert.h>
#include <errno.h>
#include <kore/http.h>
#include <kore/tasks.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

enum {
	READY_SLICE_MS = 10, /* then the loop looks at its descriptors again */
	TICK_MS = 500,       /* Kore's timers only run when its loop turns */
	REQUEST_ARENA_MAX = 256 * 1024 * 1024,
	REFUSAL_MAX = 4096
};

/* A fiber, and what it waits for. */
struct strand {
	struct fiber *fiber;      /* NULL: a background task that has not begun */
	struct http_request *req; /* NULL: of the background */
	void (*fn)(void *arg);
	void *arg;
	struct pollfd *fds; /* while it waits */
	unsigned n;
	struct kore_timer *timer;
	bool ready;
	TAILQ_ENTRY(strand) ready_link, background_link;
};
TAILQ_HEAD(strands, strand);

/* A descriptor in Kore's epoll set; one per number, never freed, for epoll may still point to it.
 */
struct watch {
	struct kore_event event; /* first: that is what Kore sees */
	struct strand *strand;   /* who waits on it, NULL: nobody */
	struct pollfd *fd;
};

/* A request on its way through dispatch(). */
struct visit {
	struct strand strand;
	struct arena arena;
	struct door_in in;
	struct door_out out;
};

static struct {
	int event_fd;
	void *shared; /* by all workers */
	const char *public_url;
	struct strands ready, background;
	struct kore_timer *kick; /* due at once, when there are ready strands */
	struct watch **watches;  /* by descriptor */
	int watches_size;
	struct kore_task *hands;
	struct kore_event hands_event;
	bool draining, stopping;
} gate = {.event_fd = -1};

/* ---- ready strands ---- */

static void run_ready(void *arg, u_int64_t now);

static void kick(void)
{
	if (!gate.kick && !TAILQ_EMPTY(&gate.ready))
		gate.kick = kore_timer_add(run_ready, 0, NULL, KORE_TIMER_ONESHOT);
}

static void strand_ready(struct strand *s)
{
	if (s->ready)
		return;
	s->ready = true;
	TAILQ_INSERT_TAIL(&gate.ready, s, ready_link);
	kick();
}

static void strand_unready(struct strand *s)
{
	if (s->ready)
		TAILQ_REMOVE(&gate.ready, s, ready_link);
	s->ready = false;
}

/* The fiber has ended: tell Kore to answer the request, or forget the background task. */
static void strand_ended(struct strand *s)
{
	strand_unready(s);
	if (s->req) {
		http_request_wakeup(s->req);
		return;
	}
	TAILQ_REMOVE(&gate.background, s, background_link);
	fiber_free(s->fiber);
	free(s);
}

static struct fiber *strand_fiber(struct strand *s)
{
	if (!s->fiber) {
		s->fiber = fiber_new(s->fn, s->arg);
		if (s->fiber)
			fiber_set_data(s->fiber, s);
	}
	return s->fiber;
}

/* Go on with it, from the main stack. */
static void strand_run(struct strand *s)
{
	strand_unready(s);
	if (!strand_fiber(s)) { /* no memory now: later */
		strand_ready(s);
		return;
	}
	fiber_resume(s->fiber);
	if (fiber_ended(s->fiber))
		strand_ended(s);
}

static void run_ready(void *arg, u_int64_t now)
{
	int64_t end_ms = clock_mono_ms() + READY_SLICE_MS;
	struct strand *s;

	(void)arg, (void)now;
	gate.kick = NULL;
	while ((s = TAILQ_FIRST(&gate.ready)) && clock_mono_ms() <= end_ms)
		strand_run(s);
	kick();
}

/* Unwind it now: every wait fails from here on. */
static void strand_cancel(struct strand *s)
{
	fiber_cancel(s->fiber);
	while (!fiber_ended(s->fiber)) {
		strand_unready(s);
		fiber_resume(s->fiber);
	}
	strand_ended(s);
}

/* ---- the driver: waiting ---- */

static void on_event(void *arg, int error)
{
	struct watch *w = arg;
	int flags = w->event.flags;

	w->event.flags = 0;
	if (!w->strand)
		return;
	if (flags & KORE_EVENT_READ)
		w->fd->revents |= POLLIN;
	if (flags & KORE_EVENT_WRITE)
		w->fd->revents |= POLLOUT;
	if (error)
		w->fd->revents |= POLLERR | POLLHUP;
	strand_ready(w->strand);
}

static void on_timer(void *arg, u_int64_t now)
{
	struct strand *s = arg;

	(void)now;
	s->timer = NULL;
	strand_ready(s);
}

static struct watch *watch_of(int fd)
{
	int size = gate.watches_size;

	while (fd >= size)
		size = size ? 2 * size : 64;
	if (size > gate.watches_size) {
		gate.watches = realloc(gate.watches, (size_t)size * sizeof(*gate.watches));
		assert(gate.watches);
		memset(gate.watches + gate.watches_size, 0,
		       (size_t)(size - gate.watches_size) * sizeof(*gate.watches));
		gate.watches_size = size;
	}
	if (!gate.watches[fd]) {
		gate.watches[fd] = calloc(1, sizeof(**gate.watches));
		assert(gate.watches[fd]);
		gate.watches[fd]->event.handle = on_event;
	}
	return gate.watches[fd];
}

static void watch_begin(struct strand *s, struct pollfd *p)
{
	struct watch *w;

	if (p->fd < 0)
		return;
	w = watch_of(p->fd);
	assert(!w->strand); /* one waiter a descriptor */
	w->strand = s;
	w->fd = p;
	w->event.flags = 0;
	kore_platform_event_schedule(
		p->fd, (p->events & POLLIN ? EPOLLIN : 0) | (p->events & POLLOUT ? EPOLLOUT : 0), 0,
		w);
}

static void watch_end(const struct pollfd *p)
{
	if (p->fd < 0)
		return;
	gate.watches[p->fd]->strand = NULL;
	kore_platform_disable_read(p->fd);
}

static bool cancelled(const struct fiber *f)
{
	if (fiber_cancelled(f))
		errno = ECANCELED;
	return fiber_cancelled(f);
}

static int gate_wait(struct pollfd *fds, unsigned n, int timeout_ms)
{
	struct fiber *f = fiber_current();
	struct strand *s = f ? fiber_data(f) : NULL;
	int ready = 0;

	if (!f)
		return io_poll_driver.wait(fds, n, timeout_ms);
	if (cancelled(f))
		return -1;
	if (timeout_ms == 0)
		return poll(fds, n, 0);
	for (unsigned i = 0; i < n; i++)
		watch_begin(s, &fds[i]);
	if (timeout_ms > 0)
		s->timer = kore_timer_add(on_timer, (u_int64_t)timeout_ms, s, KORE_TIMER_ONESHOT);
	fiber_park();
	for (unsigned i = 0; i < n; i++)
		watch_end(&fds[i]);
	if (s->timer)
		kore_timer_remove(s->timer);
	s->timer = NULL;
	for (unsigned i = 0; i < n; i++)
		ready += fds[i].revents != 0;
	return cancelled(f) ? -1 : ready;
}

static void gate_wake(struct fiber *f)
{
	strand_ready(fiber_data(f));
}

/* ---- the driver: work in threads ---- */

static int gate_run(void (*work)(void *data), void *data, size_t size)
{
	struct fiber *f = fiber_current();
	struct job *j;

	if (!f)
		return io_poll_driver.run(work, data, size);
	if (cancelled(f))
		return -1;
	j = hands_give(work, data, size, fiber_data(f));
	if (!j)
		return errno = EAGAIN, -1;
	while (!j->done && !fiber_cancelled(f))
		fiber_park();
	if (!j->done) {
		j->owner = NULL; /* the thread may be at it; it is freed when it comes back */
		return errno = ECANCELED, -1;
	}
	memcpy(data, j->data, size);
	hands_free(j);
	return 0;
}

static void on_hands(void *arg, int error)
{
	struct job *j;

	(void)error;
	((struct kore_event *)arg)->flags = 0;
	while ((j = hands_take())) {
		j->done = true;
		if (j->owner)
			strand_ready(j->owner);
		else
			hands_free(j);
	}
}

static int hand(struct kore_task *task)
{
	(void)task;
	hands_loop();
}

static int hands_start(void)
{
	int fd = hands_open(kore_task_threads);

	/* kept: Kore's threads and epoll point to them */
	gate.hands = calloc(kore_task_threads, sizeof(*gate.hands));
	if (fd < 0 || !gate.hands)
		return -1;
	gate.hands_event.handle = on_hands;
	kore_platform_event_level_read(fd, &gate.hands_event);
	for (unsigned i = 0; i < kore_task_threads; i++) {
		kore_task_create(&gate.hands[i], hand);
		kore_task_run(&gate.hands[i]);
	}
	return 0;
}

/* ---- the background ---- */

void gate_spawn(void (*fn)(void *arg), void *arg)
{
	struct strand *s = calloc(1, sizeof(*s));

	assert(s);
	s->fn = fn;
	s->arg = arg;
	TAILQ_INSERT_TAIL(&gate.background, s, background_link);
	strand_ready(s);
}

bool gate_stopping(void)
{
	return gate.stopping;
}

int gate_event_fd(void)
{
	return gate.event_fd;
}

void *gate_shared(void)
{
	return gate.shared;
}

static const struct io_driver gate_driver = {
	.wait = gate_wait,
	.run = gate_run,
	.wake = gate_wake,
	.spawn = gate_spawn,
};

/* ---- answers ---- */

static int receive_head(struct netbuf *nb);

/* Wait for the next request on this connection. */
static void listen_again(struct connection *c)
{
	c->http_timeout = 0; /* idle: only the keep-alive time counts */
	net_recv_reset(c, http_header_max, receive_head);
	(void)net_recv_flush(c);
}

static void put_header(struct buf *b, const char *name, const char *value)
{
	buf_str(b, name);
	buf_str(b, ": ");
	for (; *value; value++)
		buf_char(b, (unsigned char)*value < ' ' || *value == 127 ? ' ' : *value);
	buf_str(b, "\r\n");
}

static bool has_length(int status)
{
	return status >= 200 && status != 204 && status != 304;
}

/* Queue the answer, and what comes after it on the connection. */
static void answer(struct connection *c, struct arena *a, const struct door_out *out,
                   bool head_only, bool last)
{
	struct buf b;

	buf_init(&b, a, (size_t)64 * 1024);
	buf_printf(&b, "HTTP/1.1 %d %s\r\n", out->status, http_status_text(out->status));
	for (unsigned i = 0; i < out->header_count; i++)
		put_header(&b, out->headers[i].name, out->headers[i].value);
	if (has_length(out->status))
		buf_printf(&b, "content-length: %zu\r\n", out->body_len);
	buf_printf(&b, "connection: %s\r\n\r\n", last ? "close" : "keep-alive");
	if (b.over) {
		kore_connection_disconnect(c);
		return;
	}
	net_send_queue(c, b.data, b.len);
	if (out->body_len > 0 && !head_only && has_length(out->status))
		net_send_queue(c, out->body, out->body_len);
	if (last)
		c->flags |= CONN_CLOSE_EMPTY;
	else
		listen_again(c);
}

static const char *problem_json(struct arena *a, enum problem p, const char *why,
                                const char *request_id)
{
	struct json_writer w;
	struct buf b;

	buf_init(&b, a, REFUSAL_MAX);
	json_start(&w, &b);
	json_open(&w, '{');
	json_key(&w, "type");
	json_put_text(&w, arena_printf(a, "%s/problems/%s", gate.public_url, problem_code(p)));
	json_key(&w, "title");
	json_put_text(&w, problem_title(p));
	json_key(&w, "status");
	json_put_int(&w, problem_status(p));
	json_key(&w, "code");
	json_put_text(&w, problem_code(p));
	json_key(&w, "detail");
	json_put_text(&w, why);
	json_key(&w, "request_id");
	json_put_text(&w, request_id);
	json_key(&w, "errors");
	json_open(&w, '[');
	json_close(&w, ']');
	json_close(&w, '}');
	return b.data;
}

/* Answer what never gets to dispatch(), and close. */
static void refuse(struct connection *c, enum problem p, const char *why)
{
	struct door_out out = {.status = problem_status(p)};
	/* there is no request yet, so its id is a new one */
	struct id id = id_new();
	char request_id[ID_TEXT_SIZE];
	struct arena a;

	id_format(&id, "req", request_id);
	arena_init(&a, (size_t)4 * REFUSAL_MAX);
	out.body = problem_json(&a, p, why, request_id);
	out.body_len = strlen(out.body);
	out.headers[out.header_count++] =
		(struct door_header){"content-type", "application/problem+json"};
	out.headers[out.header_count++] = (struct door_header){"cache-control", "no-store"};
	out.headers[out.header_count++] = (struct door_header){"x-request-id", request_id};
	if (p == PROBLEM_unavailable)
		out.headers[out.header_count++] = (struct door_header){"retry-after", "1"};
	if (p == PROBLEM_method_not_allowed)
		out.headers[out.header_count++] = (struct door_header){
			"allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"};
	answer(c, &a, &out, false, true);
	arena_release(&a);
	log_say(LOGL_INFO, "refused", "%s: %s: %s", request_id, problem_code(p), why);
	if (!net_send_flush(c))
		kore_connection_disconnect(c);
}

/* ---- what comes in ---- */

void gate_connect(struct connection *c)
{
	c->proto = CONN_PROTO_HTTP;
	c->idle_timer.length = (u_int64_t)http_keepalive_time * 1000;
	c->http_timeout = 0;
	net_recv_queue(c, http_header_max, NETBUF_CALL_CB_ALWAYS, receive_head);
}

/* Refuse in the middle of reading: what else is there is not looked at. */
static int refuse_head(struct connection *c, enum problem p, const char *why)
{
	refuse(c, p, why);
	c->evt.flags &= ~KORE_EVENT_READ;
	return KORE_RESULT_OK;
}

static int receive_head(struct netbuf *nb)
{
	struct connection *c = nb->owner;
	size_t len = head_length((char *)nb->buf, nb->s_off);
	enum problem p;
	const char *why;

	if (c->http_timeout == 0) { /* the first bytes: from now on it is in a hurry */
		c->http_start = kore_time_ms();
		c->http_timeout = (u_int64_t)http_header_timeout * 1000;
	}
	if (len == 0) {
		if (nb->s_off < nb->b_len)
			return KORE_RESULT_OK;
		return refuse_head(c, PROBLEM_headers_too_large, "The header is too long");
	}
	p = head_check((char *)nb->buf, len, nb->s_off - len, &why);
	if (p != PROBLEM_NONE)
		return refuse_head(c, p, why);
	if (http_request_count >= http_request_limit)
		return refuse_head(c, PROBLEM_unavailable, "Too many requests are under way");
	return http_header_recv(nb);
}

static const char *method_name(int method)
{
	switch (method) {
	case HTTP_METHOD_HEAD:
		return "HEAD";
	case HTTP_METHOD_POST:
		return "POST";
	case HTTP_METHOD_PUT:
		return "PUT";
	case HTTP_METHOD_PATCH:
		return "PATCH";
	case HTTP_METHOD_DELETE:
		return "DELETE";
	case HTTP_METHOD_OPTIONS:
		return "OPTIONS";
	default:
		return "GET";
	}
}

static void add_header(struct door_in *in, char *name, char *value)
{
	size_t len = strlen(value);

	if (in->header_count == DOOR_HEADERS_MAX)
		return;
	while (len > 0 && value[len - 1] == ' ')
		value[--len] = '\0';
	for (char *p = name; *p; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	}
	in->headers[in->header_count].name = name;
	in->headers[in->header_count++].value = value;
}

static void read_request(struct visit *v, const struct http_request *req)
{
	static char host[] = "host";
	struct door_in *in = &v->in;
	struct http_header *h;

	in->method = method_name(req->method);
	in->path = req->path;
	in->query = req->query_string;
	add_header(in, host, (char *)(uintptr_t)req->host); /* in the same buffer as the others */
	TAILQ_FOREACH(h, &req->req_headers, list)
	add_header(in, h->header, h->value);
	in->body = "";
	if (req->http_body &&
	    req->http_body_length > 0) { /* Kore has rewound the buffer's offset */
		in->body = (const char *)req->http_body->data;
		in->body_len = req->http_body_length;
	}
}

/* ---- requests ---- */

static void visit_main(void *arg)
{
	struct visit *v = arg;

	dispatch(&v->in, &v->arena, &v->out);
}

/* Kore may call it more than once. */
static void visit_close(struct http_request *req)
{
	struct visit *v = req->hdlr_extra;

	if (!v)
		return;
	req->hdlr_extra = NULL;
	req->onfree = NULL;
	if (!fiber_ended(v->strand.fiber))
		strand_cancel(&v->strand);
	strand_unready(&v->strand);
	fiber_free(v->strand.fiber);
	arena_release(&v->arena);
	free(v);
}

static struct visit *visit_open(struct http_request *req)
{
	struct visit *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->strand.req = req;
	v->strand.fn = visit_main;
	v->strand.arg = v;
	if (!strand_fiber(&v->strand)) {
		free(v);
		return NULL;
	}
	arena_init(&v->arena, REQUEST_ARENA_MAX);
	read_request(v, req);
	req->hdlr_extra = v;
	req->onfree = visit_close;
	return v;
}

static bool wants_close(const struct http_request *req, const struct door_in *in)
{
	if (gate.draining || req->flags & HTTP_VERSION_1_0)
		return true;
	for (unsigned i = 0; i < in->header_count; i++) {
		if (strcmp(in->headers[i].name, "connection") == 0)
			return strcasecmp(in->headers[i].value, "close") == 0;
	}
	return false;
}

int gate_request(struct http_request *req)
{
	struct connection *c = req->owner;
	struct visit *v = req->hdlr_extra;

	if (!v) {
		c->http_timeout = 0;
		/* sent behind another's body, unseen by receive_head: no honest peer does that */
		if (TAILQ_FIRST(&c->http_requests) != req)
			return KORE_RESULT_ERROR;
		v = visit_open(req);
		if (!v) {
			refuse(c, PROBLEM_unavailable, "There is no memory for another request");
			return KORE_RESULT_OK;
		}
		strand_run(&v->strand);
	}
	if (!fiber_ended(v->strand.fiber)) {
		http_request_sleep(req);
		return KORE_RESULT_RETRY;
	}
	answer(c, &v->arena, &v->out, req->method == HTTP_METHOD_HEAD, wants_close(req, &v->in));
	return KORE_RESULT_OK;
}

/* ---- begin and end ---- */

int gate_open(void)
{
	gate.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	gate.shared = mmap(NULL, GATE_SHARED_BYTES, PROT_READ | PROT_WRITE,
	                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return gate.event_fd < 0 || gate.shared == MAP_FAILED ? -1 : 0;
}

static void on_tick(void *arg, u_int64_t now)
{
	(void)arg, (void)now;
}

int gate_start(const char *public_url)
{
	gate.public_url = public_url;
	TAILQ_INIT(&gate.ready);
	TAILQ_INIT(&gate.background);
	kore_timer_add(on_tick, TICK_MS, NULL, 0);
	io_driver = &gate_driver;
	return hands_start();
}

/* One turn of Kore's loop, as its worker turns it. */
static void turn(void)
{
	u_int64_t wait_ms = kore_timer_next_run(kore_time_ms());

	kore_platform_event_wait(wait_ms < TICK_MS ? wait_ms : TICK_MS);
	kore_timer_run(kore_time_ms());
	http_process();
	kore_connection_check_timeout(kore_time_ms());
	kore_connection_prune(KORE_CONNECTION_PRUNE_DISCONNECT);
}

static bool is_idle(const struct connection *c)
{
	return TAILQ_EMPTY(&c->http_requests) && TAILQ_EMPTY(&c->send_queue) && c->rnb &&
	       c->rnb->s_off == 0;
}

/* Disconnect the idle connections, or all; true when some are left. */
static bool close_connections(bool all)
{
	struct connection *c, *next;
	bool left = false;

	for (c = TAILQ_FIRST(&connections); c; c = next) {
		next = TAILQ_NEXT(c, list);
		if (c->proto != CONN_PROTO_HTTP)
			continue;
		if (all || is_idle(c))
			kore_connection_disconnect(c);
		else
			left = true;
	}
	kore_connection_prune(KORE_CONNECTION_PRUNE_DISCONNECT);
	return left;
}

static void unwind_background(void)
{
	struct strand *s;

	gate.stopping = true;
	while ((s = TAILQ_FIRST(&gate.background))) {
		if (!strand_fiber(s))
			break; /* no memory: the process ends anyway */
		strand_cancel(s);
	}
}

/* When the parent has been killed, its successor waits for the socket to be given up. */
static void close_listeners(void)
{
	struct kore_server *server;
	struct listener *l;

	kore_platform_enable_accept(); /* disabling what is not enabled is fatal to Kore */
	kore_platform_disable_accept();
	LIST_FOREACH(server, &kore_servers, list)
	{
		LIST_FOREACH(l, &server->listeners, list)
		{
			close(l->fd);
			l->fd = -1;
		}
	}
}

void gate_drain(void)
{
	int64_t end_ms = clock_mono_ms() + GATE_DRAIN_MS;

	gate.draining = true;
	worker_drain();
	close_listeners();
	while (close_connections(false) && clock_mono_ms() < end_ms)
		turn();
	close_connections(true);
	for (unsigned i = 0; http_request_count > 0 && i < 1000; i++)
		http_process();
	unwind_background();
	hands_close();
	io_driver = &io_poll_driver;
}
