/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The tables of the kernel's verdicts: what engine/enforce writes and bpf/decide.h reads.
 *
 * For each event type the conditions of the rules that block are clauses (a disjunctive normal form); a clause is a bit, and the lowest bit
 * that is left decides. Each dimension (schemas/decisions.def) is one look-up, whose answer is a class: all values of which the same
 * predicates hold. For each (event, dimension, class) there is a row: the bits of those clauses that this class does not rule out. The
 * rows of all dimensions are and-ed. Negation and exceptions are thus bits that were worked out at load.
 *
 * A dimension that is a pair is looked up by two names of one file and has two rows a class: `holds` (bit: all that the clause asks to be
 * so is so) and `spares` (bit: nothing that the clause excepts is so). Its bits are (holds[a] | holds[b]) & (spares[a] | spares[b]).
 */
#pragma once

#include "bpf/abi.h"

enum {
	POLICY_WORDS = 16,
	POLICY_CLAUSES = 64 * POLICY_WORDS,    /* of one event type */
	POLICY_DIMENSIONS = 26,                /* DIMENSION_COUNT of schemas/decisions.def */
	POLICY_ANCESTORS = 128,                /* ancestor predicates of all rules together */
	POLICY_ANCESTOR_WORDS = POLICY_ANCESTORS / 64,
	POLICY_ANCESTOR_ROWS = 1024,           /* sets of ancestor predicates met while a generation is in force */
	POLICY_ANCESTOR_EVENTS = 16,           /* event types whose rules ask for ancestors */
	POLICY_KEY_BYTES = 252,                /* of a path or name with its head */
	POLICY_TEXT_MAX = 240,                 /* bytes of a path or name in a rule that blocks */
	POLICY_ARGUMENTS = 128,                /* tests of arguments, of all rules that kill together */
	POLICY_ARGUMENTS_READ = 65536,         /* steps through the arguments of one image: one for each, and for each 2 KiB more of a longer one */
	POLICY_ENDING_MAX = 32,                /* letters of SPACE_ENDING */
	POLICY_ORDER_BITS = 5,
	POLICY_ORDER_OF_WORD = 12,             /* dimensions in a word of policy_head.order */
	POLICY_NO_GENERATION = 0,              /* nothing is decided */
};

/*
 * The event number that stands for the image in place, which no record has: rules that kill are decided there, where the arguments can be read and
 * no instruction of the image has run.
 */
enum { EVENT_PROC_IMAGE = EVENT_NUMBERS - 1 };

enum policy_dimension {
#define SPACE(dimension, number, pair, doc) DIMENSION_##dimension = number,
#include "schemas/decisions.def"
	DIMENSION_COUNT = POLICY_DIMENSIONS
};

/*
 * Tables of approval have the same form and lie beside those of verdicts: their clauses are what the rules that are loaded need to be so, as far
 * as the kernel can tell. An event of which no clause is left is not sent. They go by a file's first name alone, as the rules themselves do.
 */
enum { TABLES_VERDICTS = 0, TABLES_APPROVAL = 2, TABLES_COUNT = 4 };

/* Classes with a meaning of their own; those of values follow. */
enum policy_class {
	CLASS_NONE,    /* no predicate holds */
	CLASS_UNKNOWN, /* the value could not be read, is cut short or unstable: each rule's own default (deny, unless it says otherwise) */
	CLASS_ABSENT,  /* second name of a pair: the device is not one the host has mounted, but the task is in a container: the first name alone counts */
	CLASS_FOREIGN, /* the same on the host (a private mount): exceptions do not hold */
	CLASS_FIRST,
};
/* The number of an image for ROLLOUT, from its identity. */
enum { POLICY_ROLLOUT = 100 };
static inline __attribute__((always_inline)) __u32 policy_rollout(__u64 exec_id)
{
	return (__u32)((exec_id * 0x9e3779b97f4a7c15ull) >> 32) % POLICY_ROLLOUT;
}
/* Numbers that need no look-up: FLAGS and ROLLOUT are CLASS_FIRST + number; CONTAINER is CLASS_FIRST (host) or one more (container). */

struct policy_row {
	__u64 summary; /* bit w: word w is not zero */
	__u64 words[POLICY_WORDS];
};

/* One trie of texts. Prefix entries end where the prefix ends, exact ones include the NUL. */
enum policy_space {
	SPACE_NAMESPACE = 1, /* data[0]; the path from the root of the mount namespace follows */
	SPACE_DEVICE = 2,    /* data[0], then the device (4 bytes, big endian), then the path inside the file system; every mounted device has an entry of its own */
	SPACE_NAME = 3,      /* data[0], then the text of the dimension NAME */
	SPACE_CGROUP = 4,    /* data[0], then the path of a cgroup below the root of its hierarchy */
	SPACE_ARGUMENT = 5,  /* data[0], then an argument */
	SPACE_ARGUMENT_END = 6, /* data[0], then an argument's bytes from the last to the first */
	SPACE_COMM = 7,      /* data[0], then the name of a thread */
	SPACE_ENDING = 8,    /* data[0], then the last letters of a file's name, the last one first, capitals of ASCII as small ones */
};
/* What user space tells of an image, by its exec id: bit N: of event number N the rules that ask for the image may hold. Of another generation: nothing. */
struct policy_image {
	__u64 exec_id; /* as the key, and once more at the end: see told_ancestors */
	__u64 events;
	__u32 generation, reserved;
	__u64 exec_id_again;
};

struct policy_text_key {
	__u32 prefix_bits;
	__u8 data[POLICY_KEY_BYTES];
};
/* Classes of a text by what it is the name of. */
struct policy_text {
	__u32 object;     /* dimensions PATH, NEW_PATH; of SPACE_NAME: NAME; of SPACE_CGROUP: CGROUP */
	__u32 executable; /* dimension EXECUTABLE */
	__u32 ancestor;   /* index of its ancestor masks; of an argument: of the tests that it satisfies, in the same form */
	__u32 reserved;
};

/* One trie of numbers: ranges are a few prefixes. Value: class. */
struct policy_number_key {
	__u32 prefix_bits; /* 32 of the dimension, then those of the value */
	__u8 dimension[4]; /* big endian */
	__u8 value[8];     /* big endian */
};

/* Of the numbers, ports are few enough to have their classes looked up directly. */
enum { POLICY_PORTS = 65536 };
struct policy_ports {
	__u16 class[POLICY_PORTS];
};

/* One trie of addresses; IPv4 as ::ffff:a.b.c.d. Value: class. */
struct policy_address_key {
	__u32 prefix_bits;
	__u8 address[16];
};

/* Ancestor predicates that an image with a file name of this index satisfies. */
struct policy_ancestor_mask {
	__u64 words[POLICY_ANCESTOR_WORDS];
};
/*
 * Of one ancestor predicate and one of the events that ask (number in policy_head.ancestor_event): the clauses it does not rule out.
 * A predicate can have held by one name of an ancestor only: then it holds for a clause that asks for it, and does not spare one that
 * excepts it. The row of a set of predicates is the `and` over all of (when_held if it held) | (when_not unless it held by both names).
 */
struct policy_ancestor_rows {
	struct policy_row when_held, when_not;
};

enum clause_flag {
	CLAUSE_DETECT = 1,  /* mode: detect: the record says would_block, nothing is denied */
	CLAUSE_KILL = 2,    /* of EVENT_PROC_IMAGE: the image is ended */
	CLAUSE_DERIVED = 4, /* follows from a rule: a folder above what it protects must not be renamed, nor anything be mounted over it */
};
/* In order of precedence: the lowest clause that is left decides, so those of `mode: detect` stand behind all that deny. */
struct policy_clause {
	__u32 rule_slot; /* see exec_slot; its generation is filled in when the tables are put in force */
	__u32 flags;
};

/* Of one generation. Row numbers are into that generation's rows; a pair has two rows a class, `holds` first. */
struct policy_head {
	__u32 generation;
	__u32 n_ancestors;                                    /* ancestor predicates are numbered below this */
	/*
	 * Counts, from 1, the times that a predicate's number was given to another: what is known of ancestors by earlier ones does not count.
	 * Without new predicates it stays, and so does what labels of processes hold.
	 */
	__u32 ancestor_epoch;
	__u32 needs[EVENT_NUMBERS];                           /* bit d: a clause of the event has a literal in dimension d; 0: the event is not decided */
	/*
	 * The same in the order they are asked, those first that cost little for what they rule out: POLICY_ORDER_BITS each, the dimension plus one,
	 * from the lowest bits of the first word; 0: no more. No event has more dimensions than there is room for.
	 */
	__u64 order[EVENT_NUMBERS][2];
	__u32 first_row[EVENT_NUMBERS][POLICY_DIMENSIONS];
	__u32 first_clause[EVENT_NUMBERS];
	__u32 ancestor_event[EVENT_NUMBERS];                  /* number among those that ask for ancestors, plus one; 0: does not ask */
	__u32 n_ancestor_events;                              /* filled in when the tables are put in force, like the next two */
	__u32 made_row;                                       /* first of the rows that the kernel makes for sets of ancestor predicates */
	__u32 n_made;                                         /* sets it has made rows for */
	/*
	 * Of EVENT_PROC_IMAGE, whose dimension ARGUMENTS is not looked up but read last, argument by argument: from this row on, of each test the row of
	 * the clauses that it does not rule out when some argument satisfies it, and when none does; then that of arguments that cannot be read.
	 */
	__u32 first_argument_row;
	__u32 n_arguments;                                    /* tests */
	__u32 has_argument_ends;                              /* some ask how an argument ends */
	__u32 is_killing;                                     /* EVENT_PROC_IMAGE has clauses */
};
