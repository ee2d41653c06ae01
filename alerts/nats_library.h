/* SPDX-License-Identifier: Apache-2.0 */
/* libnats, loaded when the first sink needs it. */
#pragma once

#include <nats/nats.h>

#include "engine/base/diag.h"

struct nats_library {
	__typeof__(&nats_Open) Open;
	__typeof__(&nats_GetLastError) GetLastError;
	__typeof__(&natsStatus_GetText) Status_GetText;
	__typeof__(&natsOptions_Create) Options_Create;
	__typeof__(&natsOptions_Destroy) Options_Destroy;
	__typeof__(&natsOptions_SetURL) Options_SetURL;
	__typeof__(&natsOptions_SetName) Options_SetName;
	__typeof__(&natsOptions_SetTimeout) Options_SetTimeout;
	__typeof__(&natsOptions_SetWriteDeadline) Options_SetWriteDeadline;
	__typeof__(&natsOptions_SetAllowReconnect) Options_SetAllowReconnect;
	__typeof__(&natsOptions_SetIgnoreDiscoveredServers) Options_SetIgnoreDiscoveredServers;
	__typeof__(&natsOptions_SetSecure) Options_SetSecure;
	__typeof__(&natsOptions_SetExpectedHostname) Options_SetExpectedHostname;
	__typeof__(&natsOptions_LoadCATrustedCertificates) Options_LoadCATrustedCertificates;
	__typeof__(&natsOptions_LoadCertificatesChain) Options_LoadCertificatesChain;
	__typeof__(&natsOptions_SetToken) Options_SetToken;
	__typeof__(&natsOptions_SetUserInfo) Options_SetUserInfo;
	__typeof__(&natsOptions_SetUserCredentialsFromFiles) Options_SetUserCredentialsFromFiles;
	__typeof__(&natsConnection_Connect) Connection_Connect;
	__typeof__(&natsConnection_Destroy) Connection_Destroy;
	__typeof__(&natsConnection_GetMaxPayload) Connection_GetMaxPayload;
	__typeof__(&natsConnection_PublishMsg) Connection_PublishMsg;
	__typeof__(&natsConnection_SubscribeSync) Connection_SubscribeSync;
	__typeof__(&natsSubscription_NextMsg) Subscription_NextMsg;
	__typeof__(&natsSubscription_Destroy) Subscription_Destroy;
	__typeof__(&natsMsg_Create) Msg_Create;
	__typeof__(&natsMsg_Destroy) Msg_Destroy;
	__typeof__(&natsMsg_GetSubject) Msg_GetSubject;
	__typeof__(&natsMsg_GetData) Msg_GetData;
	__typeof__(&natsMsg_GetDataLength) Msg_GetDataLength;
	__typeof__(&natsMsg_IsNoResponders) Msg_IsNoResponders;
	__typeof__(&natsMsgHeader_Set) MsgHeader_Set;
};

/* Loads and starts it, with threads of its own that take no signals; stays loaded. More often does no harm. 0, or -ELIBACC with diag. */
int nats_library_load(struct nats_library *ret, struct diag *diag) MUST_CHECK;
