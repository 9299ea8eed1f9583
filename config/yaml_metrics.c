/* SPDX-License-Identifier: ISC */
/* "metrics:" of the configuration file. */
#include "base/check.h"
#include "base/error.h"
#include "config/yaml_reader.h"

static int metrics_listen(struct reader *reader, const struct yaml_node *node)
{
	struct config_metrics *metrics = &reader->draft->config.metrics;
	char message[MAPPING_MESSAGE_CAP];
	struct scalar scalar;
	int err = reader_text(reader, node, &scalar);

	if (err != 0)
		return err;
	err = listen_spec_parse(scalar.text, &metrics->listen, message);
	return err != 0 ? reader_error(reader, node, message) : 0;
}

static int metrics_allow_remote(struct reader *reader,
				const struct yaml_node *node)
{
	return reader_bool(reader, node,
			   &reader->draft->config.metrics.allow_remote);
}

static const struct field metrics_fields[] = {
	{"listen", metrics_listen},
	{"allow_remote", metrics_allow_remote},
};

static bool is_local(const struct listen_spec *listen)
{
	return listen->kind != LISTEN_ADDRESS ||
	       ip_addr_is_loopback(&listen->addr);
}

int reader_metrics(struct reader *reader, const struct yaml_node *map)
{
	struct config_metrics *metrics = &reader->draft->config.metrics;
	const struct yaml_node *listen;
	int err;

#ifndef HAVE_MICROHTTPD
	return reader_error(reader, map,
			    "this wgproxyd was built without libmicrohttpd; "
			    "remove metrics");
#endif
	err = reader_map(reader, map, "metrics", metrics_fields,
			 ARRAY_SIZE(metrics_fields));
	if (err != 0)
		return err;
	reader->key = "metrics";
	listen = map->kind == NODE_MAP ? reader_find(reader, map, "listen")
				       : NULL;
	if (listen == NULL)
		return reader_error(
			reader, map,
			"this needs a listen; add listen: 127.0.0.1:9586");
	if (!is_local(&metrics->listen) && !metrics->allow_remote)
		return reader_error(
			reader, listen,
			"others could read the metrics and start connection "
			"tests; listen on 127.0.0.1 or on a socket, or add "
			"allow_remote: true");
	metrics->enabled = true;
	return 0;
}
