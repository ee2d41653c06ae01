/* SPDX-License-Identifier: Apache-2.0 */
/* The report of `vedette audit report`: what was gathered, told as a page or as JSON. */
#pragma once

#include "alerts/audit.h"
#include "engine/base/json.h"
#include "engine/daemon/audit_page.h"
#include "engine/daemon/logfiles.h"

struct audit_report {
	const struct audit *audit; /* borrowed */
	audit_time from, to, made;
	const char *key_file;      /* borrowed */
	const struct logfiles *files; /* borrowed */
	bool wants_complete;       /* open-ended logs count as not verified */
	struct buf receipts;       /* a line for each */
	bool is_unreached;         /* a receipt is not reached, or of an agent that is not here */
};

enum audit_grade {
	AUDIT_GRADE_WHOLE,      /* all verified, and nothing missing that nobody gave a reason for */
	AUDIT_GRADE_GAPS,       /* all verified, with gaps or losses */
	AUDIT_GRADE_UNVERIFIED,
};
enum audit_grade audit_report_grade(const struct audit_report *report);
const char *audit_grade_text(enum audit_grade grade) PURE;
/* Is it one that the report may build upon? */
bool audit_report_accepts(const struct audit_report *report, const struct audit_log *log);
/* "verified", "open-ended", "bad", "unreadable". */
const char *audit_state_text(enum audit_state state) PURE;

/* 100.0000 of `of`, in ten-thousandths of a percent, rounded down: what is not whole is never told as whole. */
uint64_t audit_percent(uint64_t part, uint64_t of) PURE;
void audit_add_percent(struct buf *out, uint64_t part, uint64_t of);
void audit_add_seconds(struct buf *out, uint64_t ns);

void audit_report_page(const struct audit_report *report, struct page *p);
/* The sections of the requirements: part of the page. */
void audit_report_requirements(const struct audit_report *report, struct page *p);
/* What a fact says, in sentences. */
void audit_fact_add(const struct audit_report *report, enum audit_fact fact, struct buf *out);
void audit_report_json(const struct audit_report *report, struct buf *out);
