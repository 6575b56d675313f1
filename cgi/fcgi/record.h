#ifndef LOWTIDE_CGI_FCGI_RECORD_H
#define LOWTIDE_CGI_FCGI_RECORD_H

#include <stddef.h>
#include <stdint.h>

/*
 * FastCGI 1.0 on the wire. Every record (section 3.3) is
 *
 *   version 1 · type 1 · request id 2 · content length 2 ·
 *   padding length 1 · reserved 1 · content · padding
 *
 * with big-endian numbers. BEGIN_REQUEST's content is role 2, flags 1 and five
 * reserved bytes; END_REQUEST's is application status 4, protocol status 1 and
 * three reserved bytes. Request id 0 means the connection itself: management.
 */
#define RECORD_VERSION 1
#define RECORD_HEADER 8
#define RECORD_CONTENT_MAX 65535
#define RECORD_KEEP_CONN 1 /* BEGIN_REQUEST's flags */
#define RECORD_RESPONDER 1 /* BEGIN_REQUEST's role */

enum record_type {
	RECORD_BEGIN_REQUEST = 1,
	RECORD_ABORT_REQUEST = 2,
	RECORD_END_REQUEST = 3,
	RECORD_PARAMS = 4,
	RECORD_STDIN = 5,
	RECORD_STDOUT = 6,
	RECORD_STDERR = 7,
	RECORD_DATA = 8,
	RECORD_GET_VALUES = 9,
	RECORD_GET_VALUES_RESULT = 10,
	RECORD_UNKNOWN_TYPE = 11,
};

struct record {
	uint8_t version, type;
	uint16_t request_id;
	size_t content, padding;
};

static inline struct record record_read(const uint8_t bytes[RECORD_HEADER])
{
	return (struct record){
	    .version = bytes[0],
	    .type = bytes[1],
	    .request_id = (uint16_t)(bytes[2] << 8 | bytes[3]),
	    .content = (size_t)bytes[4] << 8 | bytes[5],
	    .padding = bytes[6],
	};
}

static inline void record_write(
    const struct record *record, uint8_t bytes[RECORD_HEADER])
{
	bytes[0] = RECORD_VERSION;
	bytes[1] = record->type;
	bytes[2] = (uint8_t)(record->request_id >> 8);
	bytes[3] = (uint8_t)record->request_id;
	bytes[4] = (uint8_t)(record->content >> 8);
	bytes[5] = (uint8_t)record->content;
	bytes[6] = (uint8_t)record->padding;
	bytes[7] = 0;
}

#endif
