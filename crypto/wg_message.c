/* SPDX-License-Identifier: ISC */
#include "crypto/wg_message.h"

#include "base/bytes.h"

enum wg_message_type wg_message_classify(const uint8_t *data, uint32_t len)
{
	uint32_t type = len >= 4 ? get_le32(data) : WG_MESSAGE_INVALID;

	if (type == WG_MESSAGE_INITIATION &&
	    len == sizeof(struct wg_initiation))
		return WG_MESSAGE_INITIATION;
	if (type == WG_MESSAGE_RESPONSE && len == sizeof(struct wg_response))
		return WG_MESSAGE_RESPONSE;
	if (type == WG_MESSAGE_COOKIE && len == sizeof(struct wg_cookie_reply))
		return WG_MESSAGE_COOKIE;
	if (type == WG_MESSAGE_DATA && len >= WG_DATA_LEN_MIN)
		return WG_MESSAGE_DATA;
	return WG_MESSAGE_INVALID;
}
