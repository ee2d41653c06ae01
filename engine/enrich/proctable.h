/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program images of the host in time: who runs what, and who created whom. An image is named by its exec id, never by a
 * process id. Fork makes an image that shares its creator's program; exec replaces it by one with a program of its own.
 *
 * Records may come in any order. What refers to an image that is not known yet is linked when the image turns up.
 * All memory is set aside by proctable_new. A full table drops, in this order: exited images without descendants, oldest
 * first; other exited images, oldest first; the oldest.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "engine/enrich/procfs.h"
#include "engine/enrich/text.h"

enum {
	PROCTABLE_MAX_ARGS = TEXT_HALF, /* bytes of arguments kept of an image; its exec event shows them in full */
	LINEAGE_MAX = 32,               /* ancestors listed */
	LINEAGE_STEPS = 256,            /* images walked for them: damaged ids may form a ring */
};

enum image_flag {
	IMAGE_FORKED = 1,   /* made by fork and still running its creator's program */
	IMAGE_MADE_UP = 2,  /* only what other records said of it: its own may still come */
	IMAGE_SNAPSHOT = 4, /* taken from /proc */
	IMAGE_EXITED = 8,   /* ended, or replaced by exec */
	IMAGE_MISSING = 16, /* /proc had no such process at the last look */
	IMAGE_SEEN = 32,    /* a record named it */
};

/* Another image: its id, and where it was found last. */
struct image_link {
	uint64_t id; /* 0: none */
	uint32_t at, serial;
};

struct image {
	uint64_t exec_id;
	struct image_link parent;   /* the creator's image */
	struct image_link previous; /* the image that exec replaced by this one */
	uint64_t start_boot_ns, exit_boot_ns, cgroup_id;
	uint32_t pid, uid;
	text_id executable, args, command_line, cwd, tty, cgroup;
	text_id fs_path;     /* of the executable, inside its file system; 0: not known */
	uint32_t device;     /* of that */
	uint32_t serial;     /* of this use of the slot */
	uint32_t references; /* images in the table that are linked to this one */
	uint32_t older, newer; /* order in its list */
	uint64_t changed;    /* when what is shown of it changed last, in changes of the table */
	uint32_t round;      /* the caller's: see enrich_each_ancestry */
	uint64_t stamp, stamp_mix, stamp_late; /* see proctable_stamp: the last one given, of what, and when that was found to hold */
	uint8_t list;
	uint8_t flags; /* enum image_flag */
	char comm[RECORD_COMM]; /* NUL-padded */
};

struct proctable;

struct proctable_stats {
	uint64_t images, evicted, text_cut, lost_exits;
};

/* text is borrowed. 0, -EINVAL (max_images 0 or above 2^24) or -ENOMEM. */
int proctable_new(size_t max_images, struct text *text, struct proctable **ret) MUST_CHECK;
void proctable_free(struct proctable **table);

/* NULL when it is not known. Images stay where they are until the next call that adds one. */
struct image *proctable_find(const struct proctable *table, uint64_t exec_id);

/* What the records say. ev's strings are in the decoded record around it. A fault in the ids (an image its own parent) is passed over. */
struct exec_facts {
	struct strview executable, args, cwd, tty, cgroup;
	struct strview fs_path; /* of the executable, inside its file system; n 0: not known */
	uint32_t device, uid;
};
struct image *proctable_exec(struct proctable *table, const struct wire_common *common, uint64_t previous_id, const struct exec_facts *facts);
struct image *proctable_fork(struct proctable *table, const struct wire_proc_fork *fork);
void proctable_exit(struct proctable *table, const struct wire_common *common);

/* An image nobody told us of: from the common fields of a record it did something in. */
struct image *proctable_make_up(struct proctable *table, const struct wire_common *common);
/* The same with what /proc says; parent_id 0: not known. Adopts into the image if it is in the table already. */
struct image *proctable_adopt(struct proctable *table, uint64_t exec_id, uint64_t parent_id, const struct procfs_process *process);

/* Marks an image as ended, without a record. */
void proctable_end(struct proctable *table, struct image *image, uint64_t boot_ns);

/* The creator's image, or NULL. */
struct image *proctable_parent(struct proctable *table, struct image *image);
/* The one that called exec for this one; NULL: none did, or it is not known. */
struct image *proctable_previous(struct proctable *table, struct image *image);
/* Takes over the creator's program if the image was forked from one whose program became known later only. */
void proctable_complete(struct proctable *table, struct image *image);

/* The images that run, one a call: *at is 0 before the first. NULL: there are no more. */
struct image *proctable_next_living(struct proctable *table, uint32_t *at);

/*
 * Ancestors, nearest first: for each image the one that exec replaced by it, if there is one, else its creator; images that
 * fork made and that still run their creator's program are passed over, as the creator stands for it, and so are those of which
 * nothing is known but the id. At most LINEAGE_MAX.
 */
size_t proctable_lineage(struct proctable *table, struct image *image, const struct image *ret[static LINEAGE_MAX]);
/* Whether that is all of them, each with its executable whole: to the first process or the kernel's first thread, none dropped or only heard of. */
bool proctable_is_whole(struct proctable *table, struct image *image);

/* Drops exited images that nothing refers to and that ended linger_ns ago. Bounded work: at most a thousand a call. */
void proctable_expire(struct proctable *table, uint64_t boot_ns, uint64_t linger_ns);

/*
 * Looks for up to n living images in /proc, going round the table from call to call. One that is gone at two looks a
 * second apart has ended without a record.
 */
void proctable_probe(struct proctable *table, int proc_fd, size_t n, uint64_t boot_ns);

/* Texts of an image; and one kept with the budget's rules (cut or dropped, counted) for who shares the budget. */
struct strview proctable_text(const struct proctable *table, text_id id);
text_id proctable_keep(struct proctable *table, struct strview s, size_t max);
void proctable_drop(struct proctable *table, text_id *id);

/* The image itself, then the line it descends from: all of them, those that lineage passes over included. */
size_t proctable_line(struct proctable *table, struct image *image, uint64_t ret_ids[static LINEAGE_STEPS]);

/*
 * A number that changes when what the table shows of the image, of its creator or of an ancestor has changed: late records, data
 * from /proc, ancestors found or dropped. Forks and execs that come in order change none but the new image's. Never 0, never given
 * twice for different states.
 */
uint64_t proctable_stamp(struct proctable *table, struct image *image);
/* A small number that no other image in the table has. */
uint32_t proctable_slot(const struct proctable *table, const struct image *image);
void proctable_get_stats(const struct proctable *table, struct proctable_stats *ret);
