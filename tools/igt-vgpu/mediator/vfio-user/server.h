/* SPDX-License-Identifier: MIT */
/*
 * One GPU whose vGPUs are served on sockets, each to a VM of its own.
 *
 * Caller: main.c. Threads: the caller's accepts clients; one for each client; one for each engine.
 */
#ifndef VFIO_USER_SERVER_H
#define VFIO_USER_SERVER_H

#include "gvt/gvt.h"

struct vfu_server;

/* NULL and *@error (g_free()): as with all functions here, nothing is left behind then. */
struct vfu_server *vfu_server_new(const struct gpu_config *config, bool debug, char **error);
void vfu_server_free(struct vfu_server *server);
/*
 * A vGPU @name, served on a socket that is made at @path. @pvinfo, @channel_fault: see
 * vgpu_set_pvinfo(), vgpu_set_channel_fault(); may be NULL.
 */
bool vfu_server_add(struct vfu_server *server, const char *name, const char *path,
		    const struct vgpu_config *config, const char *pvinfo,
		    const char *channel_fault, char **error);
/* Who connects to @path is sent the counters of all vGPUs as JSON, until the end of the stream. */
bool vfu_server_publish(struct vfu_server *server, const char *path, char **error);
/* Serves until @quit_fd is readable; all clients are gone then. False: there are no threads. */
bool vfu_server_run(struct vfu_server *server, int quit_fd, char **error);

#endif /* VFIO_USER_SERVER_H */
