/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module of syslog-ng: the template function
 *
 *   $(vedette-verify [--learned FILE] KEYS MESSAGE)
 *
 * judges the message as a signed line and expands to four words: the verdict (good, tampered, unknown-key, no-record), the place in its stream (first,
 * next, gap, again, broken; - when it is not good), how many records are missing before it, and whose record it is (- when it is not good). KEYS is a
 * file as `vedette verify --key` takes it. FILE, written at most once in a second, keeps the keys that records named and where each agent's records ended, for the next start; it is
 * written by this module alone, for one use of the function.
 *
 * Threads of syslog-ng call it at once. Nothing here may end the process: what cannot be had is told at the start, or through syslog-ng's own messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include <cfg-parser.h>
#include <messages.h>
#include <plugin-types.h>
#include <plugin.h>
#include <template/simple-function.h>

#undef MIN /* glib's: ours are the same */
#undef MAX
#include "alerts/line_judge.h"
#include "alerts/wal_io.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"

#define KEEP_NS 1000000000ull

struct verify_function {
	TFSimpleFuncState super; /* first member: syslog-ng's own functions take the state for it */
	struct line_judge *judge;
	pthread_mutex_t keeping; /* one writer of FILE, so that an older state is not written over a newer one */
	char *folder, *name;     /* of FILE; NULL: nothing is kept */
	struct stat written;     /* FILE as we left it */
	uint64_t written_ns;     /* monotonic; 0: not yet */
	atomic_bool owes_keys;   /* records named keys that FILE does not have */
	atomic_bool has_begun;   /* a message was judged */
	bool is_ready;
};

/*
 * A new configuration is read while the old one is still at work, and writes FILE for the last time when it ends. So FILE is read twice: for faults that
 * refuse the configuration, and again before the first message. And what is in it that we do not know is kept when it is written.
 */
static int take_file(struct verify_function *f, struct diag *diag)
{
	CLEANUP(buf_done) struct buf text = { .max = LINE_STATE_MAX };
	gchar *path = g_build_filename(f->folder, f->name, NULL);
	int r = fd_read_file(path, LINE_STATE_MAX, &text);
	if (r && r != -ENOENT)
		diag_error(diag, (struct place){ path, 0, 0 }, "cannot be read: %s", strerror(-r));
	else
		r = r ? 0 : line_judge_load(f->judge, path, buf_sv(&text), diag); /* one that is not there yet has nothing in it */
	g_free(path);
	return r;
}

static void write_file(struct verify_function *f, bool is_end)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(fd_close) int folder = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = folder < 0 ? -errno : 0;
	line_judge_save(f->judge, is_end, &text);
	if (!r)
		r = buf_error(&text);
	if (!r)
		r = wal_io_replace(&wal_io_real, folder, f->name, buf_sv(&text));
	if (r)
		msg_error("vedette-verify: keys that records named cannot be kept; after the next start records are unknown-key", evt_tag_str("folder", f->folder),
			  evt_tag_str("file", f->name), evt_tag_str("error", strerror(-r)));
}

/* What is wrong with FILE now is told, and does not stop messages: it was fine at the start. */
static void renew(struct verify_function *f)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	char text[512] = "";
	if (!take_file(f, &diag))
		return;
	if (diag.n)
		(void)diag_format(&diag.messages[0], text, sizeof(text));
	msg_error("vedette-verify: what is kept cannot be used", evt_tag_str("why", text));
}

static void begin(struct verify_function *f)
{
	pthread_mutex_lock(&f->keeping);
	if (!atomic_load(&f->has_begun) && f->name)
		renew(f);
	atomic_store(&f->has_begun, true);
	pthread_mutex_unlock(&f->keeping);
}

static struct stat stat_of(const struct verify_function *f)
{
	struct stat st = { .st_ino = 0 };
	gchar *path = g_build_filename(f->folder, f->name, NULL);
	if (stat(path, &st))
		st = (struct stat){ .st_ino = 0 };
	g_free(path);
	return st;
}

/* Under the lock. */
static void keep(struct verify_function *f, bool is_end)
{
	const struct stat now = stat_of(f);
	atomic_store(&f->owes_keys, false); /* a key that comes from now on is written the next time */
	if (now.st_ino != f->written.st_ino || now.st_mtim.tv_sec != f->written.st_mtim.tv_sec || now.st_mtim.tv_nsec != f->written.st_mtim.tv_nsec)
		renew(f);
	write_file(f, is_end);
	f->written = stat_of(f);
	f->written_ns = clock_ns(CLOCK_MONOTONIC);
}

/* FILE is written as a whole: at most once in a second, however many agents name keys, and by one thread, for which no other waits. */
static void keep_when_due(struct verify_function *f)
{
	if (pthread_mutex_trylock(&f->keeping))
		return;
	if (atomic_load(&f->owes_keys) && (!f->written_ns || clock_ns(CLOCK_MONOTONIC) - f->written_ns >= KEEP_NS))
		keep(f, false);
	pthread_mutex_unlock(&f->keeping);
}

static void verify_free(gpointer state)
{
	struct verify_function *f = state;
	tf_simple_func_free_state(&f->super);
	if (!f->is_ready)
		return;
	f->is_ready = false;
	if (f->name && atomic_load(&f->has_begun)) {
		pthread_mutex_lock(&f->keeping);
		keep(f, true);
		pthread_mutex_unlock(&f->keeping);
	}
	line_judge_free(&f->judge);
	pthread_mutex_destroy(&f->keeping);
	g_free(f->folder);
	g_free(f->name);
}

/* Texts of a diag as an error of the configuration. */
static gboolean refuse(GError **error, const struct diag *diag, const char *what)
{
	char text[512] = "";
	if (diag->n)
		(void)diag_format(&diag->messages[0], text, sizeof(text));
	g_set_error(error, LOG_TEMPLATE_ERROR, LOG_TEMPLATE_ERROR_COMPILE, "$(vedette-verify) %s%s%s", what, text[0] ? ": " : "", text);
	return FALSE;
}

static gboolean make_judge(struct verify_function *f, const char *path, const char *learned, GError **error)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct verify_keys keys = { .key = NULL };
	if (crypto_init() || verify_keys_read(path, &keys, &diag))
		return refuse(error, &diag, "cannot use its key file");
	int r = line_judge_new(&keys, &f->judge);
	verify_keys_done(&keys);
	if (r)
		return refuse(error, &diag, "has no memory");
	if (pthread_mutex_init(&f->keeping, NULL)) {
		line_judge_free(&f->judge);
		return refuse(error, &diag, "has no memory");
	}
	f->is_ready = true;
	if (!learned)
		return TRUE;
	f->folder = g_path_get_dirname(learned);
	f->name = g_path_get_basename(learned);
	return take_file(f, &diag) ? refuse(error, &diag, "cannot use the file of --learned") : TRUE;
}

static gboolean verify_prepare(LogTemplateFunction *self, gpointer state, LogTemplate *parent, gint argc, gchar *argv[], GError **error)
{
	struct verify_function *f = state;
	const char *learned = NULL;
	gchar *name = argv[0];
	const struct diag none = { 0 };
	if (argc > 2 && strcmp(argv[1], "--learned") == 0) {
		learned = argv[2];
		argc -= 2;
		argv += 2;
	}
	if (argc != 3)
		return refuse(error, &none, "takes [--learned FILE] KEYS MESSAGE");
	gchar *message[] = { name, argv[2], NULL };
	if (make_judge(f, argv[1], learned, error) && tf_simple_func_prepare(self, &f->super, parent, 2, message, error))
		return TRUE;
	verify_free(f);
	return FALSE;
}

static const char *verdict_text(enum verify_fault fault)
{
	switch (fault) {
	case VERIFY_OK:
		return "good";
	case VERIFY_NOT_A_RECORD:
		return "no-record";
	case VERIFY_WRONG_KEY:
		return "unknown-key";
	default:
		return "tampered";
	}
}

static void verify_call(LogTemplateFunction *self, gpointer state, const LogTemplateInvokeArgs *args, GString *result, LogMessageValueType *type)
{
	struct verify_function *f = state;
	struct line_verdict v;
	(void)self;
	if (!atomic_load(&f->has_begun))
		begin(f);
	line_judge(f->judge, (struct strview){ args->argv[0]->str, args->argv[0]->len }, &v);
	if (v.has_new_key)
		atomic_store(&f->owes_keys, true); /* one that nobody keeps is unknown after the next start */
	if (f->name && atomic_load(&f->owes_keys))
		keep_when_due(f);
	*type = LM_VT_STRING;
	g_string_append(result, verdict_text(v.fault));
	g_string_append_c(result, ' ');
	g_string_append(result, v.fault ? "-" : line_order_text(v.order));
	g_string_append_c(result, ' ');
	g_string_append_printf(result, "%" G_GUINT64_FORMAT " ", v.missing);
	g_string_append_len(result, v.fault ? "-" : v.agent.p, v.fault ? 1 : (gssize)v.agent.n);
}

static gpointer verify_construct(Plugin *self)
{
	static const LogTemplateFunction function = {
		.size_of_state = sizeof(struct verify_function),
		.prepare = verify_prepare,
		.eval = tf_simple_func_eval,
		.call = verify_call,
		.free_state = verify_free,
	};
	(void)self;
	return (gpointer)&function; /* nobody writes to it */
}

static Plugin vedette_plugins[] = { /* not const: syslog-ng marks them as its own */
	TEMPLATE_FUNCTION_PLUGIN(verify, "vedette-verify"),
};

__attribute__((visibility("default"))) gboolean vedette_module_init(PluginContext *context, CfgArgs *args);
gboolean vedette_module_init(PluginContext *context, CfgArgs *args)
{
	(void)args;
	plugin_register(context, vedette_plugins, G_N_ELEMENTS(vedette_plugins));
	return TRUE;
}

__attribute__((visibility("default"))) extern const ModuleInfo module_info;
const ModuleInfo module_info = {
	.canonical_name = "vedette",
	.version = SYSLOG_NG_VERSION,
	.description = "Verifies the signed records of Vedette: $(vedette-verify [--learned FILE] KEYS MESSAGE).",
	.core_revision = SYSLOG_NG_SOURCE_REVISION,
	.plugins = vedette_plugins,
	.plugins_len = G_N_ELEMENTS(vedette_plugins),
};
