/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log from inside: for wal.c (the queue and the outlet), wal_recover.c (what is there at the start), wal_writer.c (the thread
 * that owns the disk) and wal_reader.c. What stands under the lock is touched under it alone; the rest belongs to the thread that is named.
 */
#pragma once

#include <pthread.h>

#include "alerts/wal.h"

enum {
	WAL_NAME = 32,            /* twenty digits and ".wal" */
	WAL_QUEUE_SLACK = 65536,  /* for headers of what fits the queue by its lines */
	WAL_LOSSES = 8,           /* kinds of loss that wait to be told: more than there are */
	WAL_TOLD = 64,            /* damaged ranges remembered, so that each is told once and not by every reader */
	WAL_LINE_HEAD_MAX = 131072,
};
#define WAL_RESERVE "reserve"
#define WAL_ID "id"

struct wal_segment {
	uint64_t first; /* number of its first record */
	uint64_t bytes;
};

/* Records, the last of which is to - 1. */
struct wal_range {
	uint64_t from, to;
};

struct wal {
	struct outlet outlet; /* first: it is what a stream holds */
	struct wal_config config;
	int folder;           /* owned; locked, so that there is one of us */
	pthread_mutex_t lock;
	pthread_cond_t work;  /* for the writer */
	pthread_cond_t news;  /* for readers, and who waits for the disk */
	pthread_t thread;
	bool has_thread;
	struct buf head;      /* the last line at the opening */
	char id[WAL_ID_TEXT + 1];
	uint64_t head_next, torn_bytes;

	/* --- under the lock --- */
	struct buf front;     /* records that wait */
	size_t back_left;     /* bytes of those that the writer has */
	uint64_t oldest_ns;   /* monotonic: when the first of front came */
	uint64_t end_ns;      /* monotonic: the writer gives up then; 0: it goes on */
	bool is_urgent, is_ending, is_trimming, is_full;
	uint64_t next, durable;
	uint64_t durable_lines; /* made durable since the opening */
	struct wal_segment *segments; /* owned, in order; the last is written to */
	size_t n_segments, segments_cap;
	uint64_t bytes;       /* of all segments */
	uint64_t reserve_used; /* written since it is full */
	struct wal_reader *readers[WAL_READERS_MAX]; /* borrowed */
	size_t n_readers;
	unsigned wakes;       /* counts wal_wake */
	struct wal_loss losses[WAL_LOSSES];
	size_t n_losses;
	struct wal_range told[WAL_TOLD]; /* the latest */
	size_t n_told;        /* ever */
	uint64_t lost_lines;
	uint64_t syncs, faults;
	int error;

	/* --- the writer's --- */
	struct buf back;      /* what it writes */
	size_t done;          /* bytes of back that are durable */
	int fd;               /* the last segment; -1: none is open */
	off_t at;             /* its durable end */
	bool has_reserve;
	bool lacks_room;      /* for the reserve */
};

struct wal_reader {
	struct wal *wal;      /* borrowed */
	bool is_required;
	uint64_t released;    /* under the log's lock */
	/* --- the reader's thread's --- */
	uint64_t next;        /* number of the record it wants */
	uint64_t lines_end;   /* sequence after the last line it had; UINT64_MAX: none */
	uint64_t wall_ns;     /* of the last record */
	int fd;
	uint64_t segment;     /* first record of the one that is open */
	off_t at;
	uint64_t bad_segment; /* in which something could not be read; UINT64_MAX: none yet */
	unsigned bad_tries;   /* of reading it, that failed */
	struct buf buf;
};

void wal_name(uint64_t first, char ret[static WAL_NAME]);
int wal_add_segment(struct wal *w, uint64_t first, uint64_t bytes) MUST_CHECK;
/* Under the lock. A range of records that was told already is no loss once more; an empty one is no range. */
void wal_note_loss(struct wal *w, struct wal_range range, const struct wal_loss *loss);
/* Waits on a condition of the log until a monotonic time. */
void wal_wait(struct wal *w, pthread_cond_t *on, uint64_t until_ns);

int wal_recover(struct wal *w, struct diag *diag) MUST_CHECK;
void *wal_write_on(void *wal);
