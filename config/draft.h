/* SPDX-License-Identifier: ISC */
/*
 * A configuration while it is read: the value, where each part of it was
 * written, and the report. Private to config/.
 */
#ifndef CONFIG_DRAFT_H
#define CONFIG_DRAFT_H

#include "config/config.h"

/* Where something was written. Line 0: the whole file, or an argument. Lines
 * and columns count from 1, columns in characters. */
struct mark {
	const char *file; /* not owned */
	uint32_t line;
	uint32_t column;
};

struct tunnel_marks {
	struct mark self;     /* its name, or the argument */
	struct mark settings; /* the same, or [Interface] in its own file */
	struct mark *peers;   /* owned, one for each */
	char *file; /* owned: the wg-quick file that marks point to, or NULL */
	bool has_private_key;
};

struct forward_marks {
	struct mark self;
	struct mark listen;
	struct mark target;
	struct mark tunnel;
};

/* Owner: config.c. tunnels and forwards have room for TUNNELS_MAX and
 * FORWARDS_MAX. */
struct draft {
	struct config config;
	struct tunnel_marks tunnels[TUNNELS_MAX];
	struct forward_marks *forwards; /* owned */
	struct config_report *report;
};

/* One tunnel of a draft, as the two formats fill it. */
struct tunnel_draft {
	struct config_tunnel *tunnel;
	struct tunnel_marks *marks;
	struct config_report *report;
};

/* The first error stays. Returns err, a -ERR_* code. */
int report_error(struct config_report *report, const struct mark *mark, int err,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));
void report_warning(struct config_report *report, const struct mark *mark,
		    const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Notes the folder of a file. */
void report_file(struct config_report *report, const char *path);

/* The next free tunnel, forward or peer, zeroed; or an error at mark when the
 * limit is reached or memory is gone. */
int draft_add_tunnel(struct draft *draft, const struct mark *mark,
		     struct tunnel_draft *ret_tunnel);
int draft_add_forward(struct draft *draft, const struct mark *mark,
		      struct mapping **ret_forward,
		      struct forward_marks **ret_marks);
int draft_add_peer(struct tunnel_draft *draft, const struct mark *mark,
		   struct config_peer **ret_peer);
int draft_add_allowed_ip(struct tunnel_draft *draft, const struct mark *mark,
			 struct config_peer *peer, const struct prefix *prefix);
int draft_add_name(struct tunnel_draft *draft, const struct mark *mark,
		   struct config_name **ret_name);
void draft_remove_peer(struct config_tunnel *tunnel, struct tunnel_marks *marks,
		       uint32_t index);

/* Everything, the value too, unless it was moved out and left zeroed. */
void draft_free(struct draft *draft);

#endif
