/* SPDX-License-Identifier: ISC */
#include "daemon/control_mapping.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "config/text.h"

enum { SPEC_CAP = SOCKET_PATH_CAP + 64 + TARGET_TEXT_CAP };

static void take_label(struct ctl_request *request, const char *member,
		       char label[LABEL_CAP])
{
	const char *text = ctl_find_string(request, member);

	if (text == NULL)
		return;
	if (!text_is_label(text)) {
		ctl_fail(request, CTL_INVALID,
			 "\"%.60s\" cannot be a %s: letters, digits, '.', '_' "
			 "and '-', at most %d of them",
			 text, member, LABEL_CAP - 1);
		return;
	}
	strcpy(label, text);
}

static void take_allow(struct ctl_request *request, struct mapping *mapping)
{
	json_t *list = ctl_find_strings(request, "allow");
	json_t *element;
	size_t index;

	if (json_array_size(list) > FORWARD_ALLOW_MAX) {
		ctl_fail(request, CTL_INVALID, "more than %d prefixes in allow",
			 FORWARD_ALLOW_MAX);
		return;
	}
	json_array_foreach(list, index, element)
	{
		const char *text = json_string_value(element);

		if (prefix_parse(text, &mapping->allow[index]) != 0) {
			ctl_fail(request, CTL_INVALID,
				 "\"%.60s\" is not a prefix; write 10.0.0.0/8 "
				 "or fdaa::/16",
				 text);
			return;
		}
		mapping->allow_count++;
	}
}

static void take_policy(struct ctl_request *request, struct mapping *mapping)
{
	const char *text = ctl_find_string(request, "address_policy");

	if (text == NULL)
		return;
	for (unsigned i = 0; i < ADDRESS_POLICIES; i++) {
		if (strcmp(text, address_policy_name[i]) == 0) {
			mapping->policy = (enum address_policy)i;
			return;
		}
	}
	ctl_fail(request, CTL_INVALID,
		 "\"%.60s\" is not sticky, random or first", text);
}

/* Without the member: a forward. */
static enum mapping_kind take_kind(struct ctl_request *request)
{
	const char *text = ctl_find_string(request, "kind");

	if (text == NULL || strcmp(text, "forward") == 0)
		return MAPPING_FORWARD;
	if (strcmp(text, "expose") != 0)
		ctl_fail(request, CTL_INVALID,
			 "\"%.60s\" is not forward or expose", text);
	return MAPPING_EXPOSE;
}

static void take_spec(struct ctl_request *request, struct mapping *mapping)
{
	char message[MAPPING_MESSAGE_CAP];
	enum mapping_kind kind = take_kind(request);
	const char *spec = ctl_get_string(request, "spec");
	int err = 0;

	if (spec != NULL)
		err = kind == MAPPING_EXPOSE
			      ? expose_parse(spec, mapping, message)
			      : mapping_parse(spec, mapping, message);
	if (err != 0)
		ctl_fail(request, CTL_INVALID, "%s", message);
}

void mapping_from_request(struct ctl_request *request,
			  struct mapping *ret_mapping)
{
	memset(ret_mapping, 0, sizeof(*ret_mapping));
	take_spec(request, ret_mapping);
	take_label(request, "name", ret_mapping->name);
	take_label(request, "tunnel", ret_mapping->tunnel);
	take_allow(request, ret_mapping);
	ret_mapping->connections_max = (uint32_t)ctl_find_number(
		request, "max_connections", UINT32_MAX, 0);
	take_policy(request, ret_mapping);
	ret_mapping->origin = ctl_find_bool(request, "temporary")
				      ? ORIGIN_TEMPORARY
				      : ORIGIN_RUNTIME;
}

json_t *mapping_allow_list(const struct mapping *mapping)
{
	json_t *list = json_array();
	char text[PREFIX_TEXT_CAP];

	for (uint32_t i = 0; i < mapping->allow_count; i++)
		json_array_append_new(list, json_string(prefix_format(
						    &mapping->allow[i], text)));
	return list;
}

json_t *mapping_to_members(const struct mapping *mapping)
{
	char listen[SOCKET_PATH_CAP + 64], to[TARGET_TEXT_CAP], spec[SPEC_CAP];
	json_t *members;

	snprintf(spec, sizeof(spec), "%s:%s",
		 listen_spec_format(&mapping->listen, listen, sizeof(listen)),
		 target_format(&mapping->target, to, sizeof(to)));
	members = json_pack("{s:s, s:s}", "spec", spec, "name", mapping->name);
	if (mapping->kind == MAPPING_EXPOSE)
		json_object_set_new(
			members, "kind",
			json_string(mapping_kind_name[mapping->kind]));
	if (mapping->tunnel[0] != '\0')
		json_object_set_new(members, "tunnel",
				    json_string(mapping->tunnel));
	if (mapping->allow_count > 0)
		json_object_set_new(members, "allow",
				    mapping_allow_list(mapping));
	if (mapping->connections_max != 0)
		json_object_set_new(members, "max_connections",
				    json_integer(mapping->connections_max));
	if (mapping->policy != POLICY_STICKY)
		json_object_set_new(
			members, "address_policy",
			json_string(address_policy_name[mapping->policy]));
	return members;
}
