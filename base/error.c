/* SPDX-License-Identifier: ISC */
#include "base/error.h"

#include "base/check.h"

static const struct {
	const char *name;
	const char *text;
} errors[] = {
#define X(name, text) {#name, text},
	ERROR_LIST(X)
#undef X
};
static_assert(ARRAY_SIZE(errors) == ERRORS, "every error has a text");

static unsigned error_index(int err)
{
	unsigned index = err < 0 ? 0U - (unsigned)err : (unsigned)err;

	return index < ERRORS ? index : ERR_INVALID;
}

const char *error_name(int err)
{
	return errors[error_index(err)].name;
}

const char *error_text(int err)
{
	return errors[error_index(err)].text;
}
