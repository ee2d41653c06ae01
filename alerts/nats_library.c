/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/nats_library.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include "alerts/library.h"

#define TEXT_OF(number) #number
#define SO_NAME(major, minor) "libnats.so." TEXT_OF(major) "." TEXT_OF(minor)
static const char library_name[] = SO_NAME(NATS_VERSION_MAJOR, NATS_VERSION_MINOR); /* each version has a name of its own */

static int cannot(struct diag *diag, const char *why)
{
	diag_error(diag, (struct place){ 0 }, "%s cannot be used, which sinks of type nats need (Debian: apt-get install libnats%d.%d): %s", library_name,
		   NATS_VERSION_MAJOR, NATS_VERSION_MINOR, why);
	return -ELIBACC;
}

static natsStatus start(const struct nats_library *library)
{
	sigset_t every, before;
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &before); /* signals are for the thread that waits for them */
	natsStatus status = library->Open(-1);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return status;
}

int nats_library_load(struct nats_library *ret, struct diag *diag)
{
#define FUNCTION(name) { "nats" #name, offsetof(struct nats_library, name) }
	static const struct library_function functions[] = {
		{ "nats_Open", offsetof(struct nats_library, Open) },
		{ "nats_GetLastError", offsetof(struct nats_library, GetLastError) },
		FUNCTION(Status_GetText),
		FUNCTION(Options_Create),
		FUNCTION(Options_Destroy),
		FUNCTION(Options_SetURL),
		FUNCTION(Options_SetName),
		FUNCTION(Options_SetTimeout),
		FUNCTION(Options_SetWriteDeadline),
		FUNCTION(Options_SetAllowReconnect),
		FUNCTION(Options_SetIgnoreDiscoveredServers),
		FUNCTION(Options_SetSecure),
		FUNCTION(Options_SetExpectedHostname),
		FUNCTION(Options_LoadCATrustedCertificates),
		FUNCTION(Options_LoadCertificatesChain),
		FUNCTION(Options_SetToken),
		FUNCTION(Options_SetUserInfo),
		FUNCTION(Options_SetUserCredentialsFromFiles),
		FUNCTION(Connection_Connect),
		FUNCTION(Connection_Destroy),
		FUNCTION(Connection_GetMaxPayload),
		FUNCTION(Connection_PublishMsg),
		FUNCTION(Connection_SubscribeSync),
		FUNCTION(Subscription_NextMsg),
		FUNCTION(Subscription_Destroy),
		FUNCTION(Msg_Create),
		FUNCTION(Msg_Destroy),
		FUNCTION(Msg_GetSubject),
		FUNCTION(Msg_GetData),
		FUNCTION(Msg_GetDataLength),
		FUNCTION(Msg_IsNoResponders),
		FUNCTION(MsgHeader_Set),
	};
#undef FUNCTION
	struct nats_library library = { 0 };
	_Static_assert(ARRAY_SIZE(functions) == sizeof(library) / sizeof(library.Open), "a row for each member");
	const char *why = library_load(library_name, functions, ARRAY_SIZE(functions), &library);
	if (why)
		return cannot(diag, why);
	natsStatus status = start(&library);
	if (status != NATS_OK)
		return cannot(diag, library.Status_GetText(status));
	*ret = library;
	return 0;
}
