/* SPDX-License-Identifier: ISC */
/* A tunnel put into the text of a configuration that a person wrote: lines are
 * added, none is touched. */
#ifndef CTL_YAML_EDIT_H
#define CTL_YAML_EDIT_H

/* The new text, to be freed by the caller; NULL when "tunnels:" is written in
 * one line, or memory is gone. It is to be checked by config_load(). */
char *yaml_add_tunnel(const char *text, const char *name, const char *file);

#endif
