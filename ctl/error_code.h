/* SPDX-License-Identifier: ISC */
/* The error codes of the control protocol (doc/control-protocol.md). */
#ifndef CTL_ERROR_CODE_H
#define CTL_ERROR_CODE_H

#define CTL_ERROR_LIST(X)             \
	X(NONE, "")                   \
	X(SYNTAX, "syntax")           \
	X(VERSION, "version")         \
	X(OP, "op")                   \
	X(MEMBER, "member")           \
	X(DENIED, "denied")           \
	X(BUSY, "busy")               \
	X(TIMEOUT, "timeout")         \
	X(INVALID, "invalid")         \
	X(EXISTS, "exists")           \
	X(PORT_TAKEN, "port_taken")   \
	X(PERMISSION, "permission")   \
	X(FULL, "full")               \
	X(STATE, "state")             \
	X(NOT_FOUND, "not_found")     \
	X(AMBIGUOUS, "ambiguous")     \
	X(CONFIGURED, "configured")   \
	X(CONFIG, "config")           \
	X(UNRESOLVED, "unresolved")   \
	X(UNREACHABLE, "unreachable") \
	X(DRAINING, "draining")       \
	X(INTERNAL, "internal")

enum ctl_error {
#define X(name, word) CTL_##name,
	CTL_ERROR_LIST(X)
#undef X
		CTL_ERRORS
};

const char *ctl_error_word(enum ctl_error error);

#endif
