/* SPDX-License-Identifier: ISC */
#include "daemon/io_http.h"

#ifdef HAVE_MICROHTTPD

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "daemon/health.h"
#include "daemon/io_http_answer.h"

#define TARGET_TIMEOUT_NS (2 * NS_PER_S)
/* Who asks more often gets the same text again. */
#define TEXT_KEEP_NS (250 * NS_PER_MS)

#define TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_TEXT    "text/plain; charset=utf-8"

/* ------------------------------------------------------------- answers */

static enum MHD_Result
send_response(const struct io_http *http, struct MHD_Connection *connection,
	      unsigned status, struct MHD_Response *response, const char *type)
{
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	http->mhd.add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				      type);
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		http->mhd.add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					      "GET, HEAD");
	result = http->mhd.queue_response(connection, status, response);
	http->mhd.destroy_response(response);
	return result;
}

static enum MHD_Result send_text(const struct io_http *http,
				 struct MHD_Connection *connection,
				 unsigned status, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return MHD_NO;
	return send_response(http, connection, status,
			     http->mhd.create_response_from_buffer(
				     strlen(copy), copy, MHD_RESPMEM_MUST_FREE),
			     TYPE_TEXT);
}

static struct MHD_Response *make_metrics(struct io_http *http)
{
	struct metrics_text text = {.data = NULL};
	struct MHD_Response *response;

	if (io_metrics_write(http->io, &text) != 0) {
		free(text.data);
		return NULL;
	}
	response = http->mhd.create_response_from_buffer(text.len, text.data,
							 MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(text.data);
	else
		http->mhd.add_response_header(
			response, MHD_HTTP_HEADER_CONTENT_TYPE, TYPE_METRICS);
	return response;
}

void io_http_forget_text(struct io_http *http)
{
	if (http->text != NULL)
		http->mhd.destroy_response(http->text);
	http->text = NULL;
}

static enum MHD_Result answer_metrics(struct io_http *http,
				      struct MHD_Connection *connection)
{
	uint64_t now = http->io->now.awake;

	if (now >= http->text_until)
		io_http_forget_text(http);
	if (http->text == NULL) {
		http->text = make_metrics(http);
		http->text_until = now + TEXT_KEEP_NS;
	}
	if (http->text == NULL)
		return send_text(http, connection,
				 MHD_HTTP_INTERNAL_SERVER_ERROR,
				 "out of memory\n");
	return http->mhd.queue_response(connection, MHD_HTTP_OK, http->text);
}

static enum MHD_Result answer_ready(const struct io_http *http,
				    struct MHD_Connection *connection)
{
	const struct io_loop *io = http->io;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	unsigned status;

	if (out == NULL)
		return MHD_NO;
	status = health_write(out, &io->proxy, &io->now,
			      io->stopping || io->draining)
			 ? MHD_HTTP_OK
			 : MHD_HTTP_SERVICE_UNAVAILABLE;
	if (fclose(out) != 0) {
		free(text);
		return MHD_NO;
	}
	return send_response(http, connection, status,
			     http->mhd.create_response_from_buffer(
				     len, text, MHD_RESPMEM_MUST_FREE),
			     TYPE_TEXT);
}

/* ------------------------------------------------------------- targets */

static void free_wait(struct io_http *http, struct http_wait *wait)
{
	if (wait->probe != PROBE_NONE)
		probe_free(&http->io->proxy.probes, &http->io->now,
			   wait->probe);
	*wait = (struct http_wait){.connection = NULL};
}

/* The probe's end is what resumes the connection. */
static enum MHD_Result answer_target(struct io_http *http,
				     struct MHD_Connection *connection,
				     struct http_wait *wait)
{
	const struct probe *probe;
	char text[512], to[ENDPOINT_TEXT_CAP];
	unsigned status = MHD_HTTP_OK;

	CHECK(wait->connection == connection && !wait->suspended);
	probe = &http->io->proxy.probes.probes[wait->probe];
	if (probe->reason == REASON_NONE) {
		snprintf(text, sizeof(text),
			 "reachable forward=%s target=%s ms=%llu\n",
			 wait->forward, endpoint_format(&probe->to, to),
			 (unsigned long long)(probe->took / NS_PER_MS));
	} else {
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
		snprintf(text, sizeof(text),
			 "not reachable forward=%s reason=%s text=\"%s\"\n",
			 wait->forward, reason_word(probe->reason),
			 reason_text(probe->reason));
	}
	free_wait(http, wait);
	return send_text(http, connection, status, text);
}

static struct http_wait *take_wait(struct io_http *http)
{
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
		if (http->waits[i].connection == NULL)
			return &http->waits[i];
	}
	return NULL; /* cannot be: as many as connections */
}

static uint32_t start_probe(struct io_http *http, const struct forward *forward)
{
	struct io_loop *io = http->io;
	struct dial_request target = {
		.host = forward->mapping.target.host,
		.port = forward->mapping.target.port,
		.timeout = TARGET_TIMEOUT_NS,
	};

	io->again = true; /* what it wants to send leaves in a turn */
	return probe_start(&io->proxy.probes, &io->now, forward->tunnel,
			   &target);
}

static enum MHD_Result ask_target(struct io_http *http,
				  struct MHD_Connection *connection,
				  const char *name, void **state)
{
	struct proxy *proxy = &http->io->proxy;
	uint32_t slot = proxy_find_forward(proxy, name);
	struct http_wait *wait = take_wait(http);
	uint32_t probe;

	if (slot == FORWARD_SLOTS)
		return send_text(http, connection, MHD_HTTP_NOT_FOUND,
				 "no forward has this name\n");
	probe = wait == NULL ? PROBE_NONE
			     : start_probe(http, &proxy->forwards[slot]);
	if (probe == PROBE_NONE)
		return send_text(http, connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				 "too many targets are being tried\n");
	*wait = (struct http_wait){
		.connection = connection, .probe = probe, .suspended = true};
	memcpy(wait->forward, proxy->forwards[slot].mapping.name,
	       sizeof(wait->forward));
	*state = wait;
	http->mhd.suspend_connection(connection);
	return MHD_YES;
}

void io_http_resume(struct io_http *http, bool all)
{
	const struct probe *probes = http->io->proxy.probes.probes;

	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
		struct http_wait *wait = &http->waits[i];

		if (wait->connection == NULL || !wait->suspended ||
		    (!all && !probes[wait->probe].done))
			continue;
		wait->suspended = false;
		http->mhd.resume_connection(wait->connection);
		http->servers[0].ready = http->servers[1].ready = true;
	}
}

/* ------------------------------------------------------------- requests */

static enum MHD_Result answer(struct io_http *http,
			      struct MHD_Connection *connection,
			      const char *path, void **state)
{
	const char *target = http->mhd.lookup_connection_value(
		connection, MHD_GET_ARGUMENT_KIND, "target");

	if (strcmp(path, "/metrics") == 0)
		return answer_metrics(http, connection);
	if (strcmp(path, "/livez") == 0)
		return send_text(http, connection, MHD_HTTP_OK, "ok\n");
	if (strcmp(path, "/readyz") == 0 && target != NULL)
		return ask_target(http, connection, target, state);
	if (strcmp(path, "/readyz") == 0)
		return answer_ready(http, connection);
	return send_text(http, connection, MHD_HTTP_NOT_FOUND,
			 "there are /metrics, /livez and /readyz\n");
}

/* The signature is the library's. Called first when the headers are complete,
 * then again until there is a response. */
enum MHD_Result io_http_on_request(void *context,
				   struct MHD_Connection *connection,
				   const char *path, const char *method,
				   const char *version, const char *body,
				   size_t *body_len, void **state)
{
	static char seen;
	struct io_http *http = context;

	(void)version, (void)body;
	if (*state == NULL) {
		if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
		    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
			return send_text(http, connection,
					 MHD_HTTP_METHOD_NOT_ALLOWED,
					 "only GET and HEAD\n");
		*state = &seen;
		return MHD_YES;
	}
	if (*body_len != 0)
		return MHD_NO; /* nobody has a body to send here */
	if (*state != &seen)
		return answer_target(http, connection, *state);
	return answer(http, connection, path, state);
}

/* Also for connections that end before their answer. */
void io_http_on_completed(void *context, struct MHD_Connection *connection,
			  void **state, enum MHD_RequestTerminationCode code)
{
	struct io_http *http = context;

	(void)code, (void)state;
	for (unsigned i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
		if (http->waits[i].connection == connection)
			free_wait(http, &http->waits[i]);
	}
}

#endif
