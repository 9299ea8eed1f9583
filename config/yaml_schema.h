/* SPDX-License-Identifier: ISC */
/* The meaning of wgproxyd.yaml(5): a tree into a draft. Private to config/. */
#ifndef CONFIG_YAML_SCHEMA_H
#define CONFIG_YAML_SCHEMA_H

#include "config/draft.h"
#include "config/yaml_tree.h"

/* Reads key files and wg-quick files that the tree names. 0, or a -ERR_* code
 * with the error reported. */
int yaml_schema_read(const struct yaml_tree *tree, struct draft *draft);

#endif
