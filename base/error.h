/* SPDX-License-Identifier: ISC */
/*
 * One space of error codes. Functions that can fail return 0 or -ERR_*;
 * bool answers questions only.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#define ERROR_LIST(X)                                              \
	X(NONE, "no error")                                        \
	X(INVALID, "not valid")                                    \
	X(SYNTAX, "does not parse")                                \
	X(TOO_LONG, "too long")                                    \
	X(NO_MEMORY, "out of memory")                              \
	X(FULL, "table or queue is full")                          \
	X(NOT_FOUND, "not found")                                  \
	X(EXISTS, "exists already")                                \
	X(STATE, "not possible in this state")                     \
	X(AGAIN, "not now, try again")                             \
	X(IO, "input or output failed")                            \
	X(PERMISSION, "not permitted")                             \
	X(AUTH, "authentication failed")                           \
	X(REPLAY, "replayed or too old")                           \
	X(EXPIRED, "expired")                                      \
	X(NO_ROUTE, "no peer has this address in its allowed ips") \
	X(NO_SESSION, "no session with the peer")                  \
	X(NO_ENDPOINT, "the peer's endpoint is not known")         \
	X(NO_PORT, "no free port")                                 \
	X(REFUSED, "connection refused")                           \
	X(RESET, "connection reset by peer")                       \
	X(TIMEOUT, "timed out")                                    \
	X(UNREACHABLE, "host or network unreachable")              \
	X(CLOSED, "closed")                                        \
	X(NO_NAME, "the name does not exist")                      \
	X(NO_ADDRESS, "the name has no address")                   \
	X(NAME_SERVER, "the name server failed or refused")        \
	X(NAME_TIMEOUT, "the name server did not answer")

enum error {
#define X(name, text) ERR_##name,
	ERROR_LIST(X)
#undef X
		ERRORS
};

/* Takes a code of either sign. Never returns NULL. */
const char *error_name(int err);
const char *error_text(int err);

#endif
