/* SPDX-License-Identifier: ISC */
#include "config/scalar.h"

#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "config/text.h"

int scalar_expected(const struct scalar *scalar, const char *expected)
{
	return report_error(scalar->report, &scalar->mark, -ERR_INVALID,
			    "%s: \"%.60s\" is not %s", scalar->key,
			    scalar->text, expected);
}

static int too_many(const struct scalar *scalar, int max)
{
	return report_error(scalar->report, &scalar->mark, -ERR_INVALID,
			    "%s: more than %d; remove some", scalar->key, max);
}

int scalar_number(const struct scalar *scalar, uint32_t min, uint32_t max,
		  uint32_t *ret_value)
{
	uint64_t value;

	if (text_number(scalar->text, min, max, &value) != 0)
		return report_error(scalar->report, &scalar->mark, -ERR_INVALID,
				    "%s: \"%.60s\" is not a number from %u to "
				    "%u",
				    scalar->key, scalar->text, min, max);
	*ret_value = (uint32_t)value;
	return 0;
}

static int scalar_u16(const struct scalar *scalar, uint32_t min, uint32_t max,
		      uint16_t *ret_value)
{
	uint32_t value = 0;
	int err = scalar_number(scalar, min, max, &value);

	if (err == 0)
		*ret_value = (uint16_t)value;
	return err;
}

int scalar_port(const struct scalar *scalar, uint16_t *ret_port)
{
	return scalar_u16(scalar, 0, UINT16_MAX, ret_port);
}

int scalar_mtu(const struct scalar *scalar, uint16_t *ret_mtu)
{
	return scalar_u16(scalar, MTU_MIN, MTU_MAX, ret_mtu);
}

int scalar_keepalive(const struct scalar *scalar, uint16_t *ret_seconds)
{
	if (strcasecmp(scalar->text, "off") == 0) {
		*ret_seconds = 0;
		return 0;
	}
	return scalar_u16(scalar, 0, UINT16_MAX, ret_seconds);
}

int scalar_key(const struct scalar *scalar, struct key *ret_key)
{
	if (key_parse(scalar->text, ret_key) != 0)
		return report_error(scalar->report, &scalar->mark, -ERR_INVALID,
				    "%s: this is not a key; expected 44 "
				    "characters of base64",
				    scalar->key);
	return 0;
}

/* "fdaa::1:443" reads as an address and as an address with a port. */
static bool is_ambiguous(const char *text)
{
	struct ip_addr addr;

	return ip_addr_parse(text, &addr) == 0 && addr.family == IP_V6;
}

/* "fe80::1%eth0": the host's resolver knows its interfaces. */
static int endpoint_scoped(const char *host, struct config_endpoint *endpoint)
{
	size_t len = strcspn(host, "%");
	char text[IP_TEXT_CAP];
	struct ip_addr addr;

	if (len >= sizeof(text) || host[len + 1] == '\0')
		return -ERR_SYNTAX;
	memcpy(text, host, len);
	text[len] = '\0';
	if (ip_addr_parse(text, &addr) != 0 || addr.family != IP_V6)
		return -ERR_SYNTAX;
	strcpy(endpoint->host, host);
	return 0;
}

/* Takes the brackets off in place. */
static int endpoint_host(char *host, struct config_endpoint *endpoint)
{
	size_t len = strlen(host);
	struct ip_addr addr;
	bool bracketed;

	bracketed = len >= 2 && host[0] == '[' && host[len - 1] == ']';
	if (bracketed) {
		host[len - 1] = '\0';
		host++;
	}
	if (ip_addr_parse(host, &addr) == 0) {
		ip_addr_format(&addr, endpoint->host);
		return 0;
	}
	if (bracketed && strchr(host, '%') != NULL)
		return endpoint_scoped(host, endpoint);
	if (bracketed || !text_is_host_name(host))
		return -ERR_SYNTAX;
	strcpy(endpoint->host, host);
	return 0;
}

int scalar_endpoint(const struct scalar *scalar,
		    struct config_endpoint *ret_endpoint)
{
	struct config_endpoint endpoint = {.port = 0};
	char copy[NAME_CAP];
	uint64_t port;
	char *colon;

	if (strlen(scalar->text) >= sizeof(copy))
		return scalar_expected(scalar, "an endpoint: it is too long");
	strcpy(copy, scalar->text);
	colon = strrchr(copy, ':');
	if (colon == NULL || colon[1] == '\0' || strchr(colon, ']') != NULL)
		return report_error(scalar->report, &scalar->mark, -ERR_INVALID,
				    "%s has no port; write host:51820",
				    scalar->key);
	if (is_ambiguous(copy))
		return report_error(scalar->report, &scalar->mark, -ERR_INVALID,
				    "%s: where the port begins in \"%.60s\" is "
				    "not clear; write [address]:port",
				    scalar->key, scalar->text);
	*colon = '\0';
	if (text_number(colon + 1, 1, UINT16_MAX, &port) != 0)
		return scalar_expected(scalar,
				       "an endpoint: its port is not a number "
				       "from 1 to 65535");
	endpoint.port = (uint16_t)port;
	if (endpoint_host(copy, &endpoint) != 0)
		return scalar_expected(scalar, "an endpoint: write name:port, "
					       "1.2.3.4:port or [IPv6]:port");
	*ret_endpoint = endpoint;
	return 0;
}

int scalar_prefix(const struct scalar *scalar, struct prefix *ret_prefix)
{
	if (prefix_parse(scalar->text, ret_prefix) != 0)
		return scalar_expected(scalar,
				       "an address with a prefix length, such "
				       "as 10.0.0.0/24 or fdaa:0:18::/48");
	return 0;
}

static bool host_can_have(const struct ip_addr *addr)
{
	return !ip_addr_is_unspecified(addr) && !ip_addr_is_multicast(addr) &&
	       !ip_addr_is_loopback(addr);
}

int scalar_host_address(const struct scalar *scalar, struct ip_addr *ret_addr)
{
	struct ip_addr addr;

	if (ip_addr_parse(scalar->text, &addr) != 0 || !host_can_have(&addr))
		return scalar_expected(scalar, "an address a host can have");
	*ret_addr = addr;
	return 0;
}

int scalar_add_address(const struct scalar *scalar,
		       struct config_tunnel *tunnel)
{
	uint32_t count = tunnel->address_count;
	char host[PREFIX_TEXT_CAP];
	struct prefix prefix;
	struct ip_addr addr;
	int err = scalar_prefix(scalar, &prefix);

	if (err != 0)
		return err;
	/* A prefix that parses fits. */
	strcpy(host, scalar->text);
	host[strcspn(host, "/")] = '\0';
	ip_addr_parse(host, &addr);
	if (!host_can_have(&addr))
		return scalar_expected(scalar, "an address a host can have");
	if (count == TUNNEL_ADDRESSES_MAX)
		return too_many(scalar, TUNNEL_ADDRESSES_MAX);
	tunnel->addresses[count] = prefix;
	tunnel->addresses_host[count] = addr;
	tunnel->address_count++;
	return 0;
}

int scalar_add_dns(const struct scalar *scalar, struct config_tunnel *tunnel)
{
	struct ip_addr addr;

	if (ip_addr_parse(scalar->text, &addr) != 0)
		return scalar_expected(scalar, "the address of a name server");
	if (tunnel->dns_count == DNS_SERVERS_MAX)
		return too_many(scalar, DNS_SERVERS_MAX);
	tunnel->dns[tunnel->dns_count++] = addr;
	return 0;
}

int scalar_add_search(const struct scalar *scalar, struct config_tunnel *tunnel)
{
	if (!text_is_host_name(scalar->text))
		return scalar_expected(scalar,
				       "a search domain such as internal");
	if (tunnel->search_count == DNS_SEARCH_MAX)
		return too_many(scalar, DNS_SEARCH_MAX);
	strcpy(tunnel->search[tunnel->search_count++], scalar->text);
	return 0;
}
