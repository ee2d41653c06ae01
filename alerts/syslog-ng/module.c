/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A module of syslog-ng: the template function
 *
 *   $(vedette-verify [--learned FILE] KEYS MESSAGE)
 *
 * judges the message as a signed line and expands to three words: the verdict (good, tampered, unknown-key, no-record), the place in its stream (first,
 * next, gap, again, broken; - when it is not good) and how many records are missing before it. KEYS is a file as `vedette verify --key` takes it. FILE
 * keeps the keys that records named, for the next start; it is written by this module alone.
 *
 * Threads of syslog-ng call it at once. Nothing here may end the process: what cannot be had is told at the start, or through syslog-ng's own messages.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include <cfg-parser.h>
#include <messages.h>
#include <plugin-types.h>
#include <plugin.h>
#include <template/simple-function.h>

#undef MIN /* glib's: ours are the same */
#undef MAX
#include "alerts/line_judge.h"
#include "alerts/wal_io.h"

struct verify_function {
	TFSimpleFuncState super; /* first member: syslog-ng's own functions take the state for it */
	struct line_judge *judge;
	pthread_mutex_t keeping; /* one writer of the file of learned keys, so that an older state is not written over a newer one */
	char *folder, *name;     /* of that file; NULL: keys are not kept */
	bool is_ready;
};

static void verify_free(gpointer state)
{
	struct verify_function *f = state;
	tf_simple_func_free_state(&f->super);
	if (!f->is_ready)
		return;
	f->is_ready = false;
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

/* A file that is not there yet has no keys in it. */
static int take_learned(struct verify_function *f, const char *path, struct diag *diag)
{
	struct verify_keys keys = { .key = NULL };
	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	int r = verify_keys_read(path, &keys, diag);
	if (!r)
		line_judge_add_keys(f->judge, &keys);
	verify_keys_done(&keys);
	return r;
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
	pthread_mutex_init(&f->keeping, NULL);
	f->is_ready = true;
	if (!learned)
		return TRUE;
	f->folder = g_path_get_dirname(learned);
	f->name = g_path_get_basename(learned);
	return take_learned(f, learned, &diag) ? refuse(error, &diag, "cannot use the file of --learned") : TRUE;
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

/* Keys that nobody keeps are unknown after the next start: say so while there is time. */
static void keep_keys(struct verify_function *f)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	pthread_mutex_lock(&f->keeping);
	int folder = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = folder < 0 ? -errno : 0;
	line_judge_keys(f->judge, &text);
	if (!r)
		r = buf_error(&text);
	if (!r)
		r = wal_io_replace(&wal_io_real, folder, f->name, buf_sv(&text));
	if (folder >= 0)
		close(folder);
	pthread_mutex_unlock(&f->keeping);
	if (r)
		msg_error("vedette-verify: keys that records named cannot be kept; after the next start records are unknown-key", evt_tag_str("folder", f->folder),
			  evt_tag_str("file", f->name), evt_tag_str("error", strerror(-r)));
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
	line_judge(f->judge, (struct strview){ args->argv[0]->str, args->argv[0]->len }, &v);
	if (v.has_new_key && f->name)
		keep_keys(f);
	*type = LM_VT_STRING;
	g_string_append(result, verdict_text(v.fault));
	g_string_append_c(result, ' ');
	g_string_append(result, v.fault ? "-" : line_order_text(v.order));
	g_string_append_c(result, ' ');
	g_string_append_printf(result, "%" G_GUINT64_FORMAT, v.missing);
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
