/* SPDX-License-Identifier: ISC */
/*
 * The configuration as a value: parsed, validated, compared, then applied.
 * No pointers into YAML; lists are arrays owned by the value itself.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/key.h"
#include "base/limits.h"
#include "config/mapping.h"

/* An endpoint as written: a literal address, or a name to be resolved by the
 * host when the daemon runs. */
struct config_endpoint {
	char host[NAME_CAP]; /* "" = none */
	uint16_t port;
};

enum { CONFIG_DIGEST_LEN = 32 };

struct config_peer {
	struct key public_key;
	struct key preshared_key;
	bool has_preshared_key;
	struct config_endpoint endpoint;
	struct prefix *allowed_ips; /* owned */
	uint32_t allowed_count;
	uint16_t persistent_keepalive_s;
};

/* A further host of the zone that a tunnel serves. */
struct config_name {
	char name[NAME_CAP]; /* whole, lower case, no final dot */
	struct ip_addr addresses[NAME_ADDRESSES_MAX];
	uint32_t address_count; /* at least 1 */
};

struct config_tunnel {
	char name[LABEL_CAP];
	struct key private_key;
	/* Address i is addresses_host[i]; its prefix without host bits is
	 * addresses[i]. */
	struct prefix addresses[TUNNEL_ADDRESSES_MAX];
	struct ip_addr addresses_host[TUNNEL_ADDRESSES_MAX];
	uint32_t address_count;
	struct ip_addr dns[DNS_SERVERS_MAX];
	uint32_t dns_count;
	char search[DNS_SEARCH_MAX][NAME_CAP];
	uint32_t search_count;
	char zone[NAME_CAP];       /* served to peers, as in names; "" = none */
	struct config_name *names; /* owned; only with a zone */
	uint32_t name_count;
	bool route_between_peers;
	uint16_t mtu;
	uint16_t listen_port;      /* 0 = any */
	struct config_peer *peers; /* owned */
	uint32_t peer_count;
	/* Of all above, keys too: equal digests mean that nothing changed. */
	uint8_t digest[CONFIG_DIGEST_LEN];
};

struct config_limits {
	uint64_t memory_bytes;
	uint32_t connections;
};

/* Where metrics and health are shown over HTTP. */
struct config_metrics {
	bool enabled;
	bool allow_remote; /* listen may be beyond loopback */
	struct listen_spec listen;
};

struct config {
	char path[PATH_CAP]; /* of its file; "": the command line alone */
	struct config_tunnel *tunnels; /* owned */
	uint32_t tunnel_count;
	/* Forwards and exposes. Owned; every one has a name. */
	struct mapping *forwards;
	uint32_t forward_count;
	struct config_limits limits;
	struct config_metrics metrics;
	/* "" = the default search order */
	char control_socket[SOCKET_PATH_CAP];
	char control_group[LABEL_CAP];
};

enum { CONFIG_MESSAGE_CAP = 512, CONFIG_FOLDERS_MAX = 16 };

/* Collects what is wrong, and where files were; starts zeroed, and several
 * calls may share one. An error is one line for a person:
 * "fly.conf:7:13: Endpoint has no port; write host:51820". Warnings are lines
 * of the same form; they do not make loading fail. */
struct config_report {
	char error[CONFIG_MESSAGE_CAP];
	char (*warnings)[CONFIG_MESSAGE_CAP]; /* owned by the report */
	uint32_t warning_count;
	/* Where files were looked for: each folder once, those beyond the
	 * maximum not at all. A reload looks there again. */
	char folders[CONFIG_FOLDERS_MAX][PATH_CAP];
	uint32_t folder_count;
};

/* Reads a YAML file and every wg-quick file it names. 0 with *ret_config to be
 * freed by config_free(); or -ERR_SYNTAX, -ERR_INVALID, -ERR_IO,
 * -ERR_PERMISSION, -ERR_NO_MEMORY with report->error filled and nothing to
 * free. */
int config_load(const char *path, struct config *ret_config,
		struct config_report *report);

/* A configuration from the command line alone: wg-quick files as tunnels named
 * after their file, and forwards as typed. */
int config_from_arguments(const char *const *wireguard_paths,
			  size_t wireguard_count, const char *const *forwards,
			  size_t forward_count, struct config *ret_config,
			  struct config_report *report);

/* Adds forwards or exposes given on the command line. */
int config_add_specs(struct config *config, enum mapping_kind kind,
		     const char *const *specs, size_t count,
		     struct config_report *report);

/* Adds one mapping; without a name it is given one, to be found in the last
 * forward of the configuration. */
int config_add_mapping(struct config *config, const struct mapping *mapping,
		       struct config_report *report);
void config_remove_forward(struct config *config, uint32_t index);

/* Once the tunnels are open the keys live there and nowhere else. */
void config_wipe_keys(struct config *config);

void config_free(struct config *config); /* wipes keys */
void config_report_free(struct config_report *report);

#endif
