// SPDX-License-Identifier: MIT
/* See server.h. */
#include <errno.h>
#include <glib.h>
#include <json-c/json.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "front/describe.h"
#include "front/engines.h"
#include "server.h"
#include "stats/stats.h"

#define PROGRAM "igt-vgpu-server"

/* A connected program that does not read is not waited for. */
#define SEND_PATIENCE_S 1

/** struct endpoint - a listening socket in the file system */
struct endpoint {
	int fd;
	char *path;
};

/**
 * struct port - a vGPU, where it is served, and to whom
 * @lock: guards @client
 * @client: the connection; -1: nobody's
 * @thread: of the present client, or of the last one if @joinable
 */
struct port {
	char *name;
	struct endpoint at;
	struct vfu_device *device;
	pthread_mutex_t lock;
	int client;
	pthread_t thread;
	bool joinable;
};

struct vfu_server {
	struct gvt *gvt;
	struct engines *engines;
	enum gpu_platform platform;
	bool debug;
	struct endpoint stats;
	struct port port[GVT_MAX_VGPUS];
	unsigned int ports;
};

/* ---- the mediator's way out ---- */

static uint64_t now_ns(void *opaque)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static void kick(void *opaque, enum gpu_engine_id id)
{
	struct vfu_server *server = opaque;

	engines_kick(server->engines, id);
}

static void log_line(void *opaque, enum gpu_log_level level, const char *line)
{
	struct vfu_server *server = opaque;

	if (level != GPU_LOG_DEBUG || server->debug)
		fprintf(stderr, PROGRAM ": %s\n", line);
}

static const struct gvt_host_ops host_ops = {
	.page = vfu_device_page,
	.irq = vfu_device_irq,
	.now_ns = now_ns,
	.kick = kick,
	.log = log_line,
};

static bool run_slice(void *opaque, enum gpu_engine_id id, unsigned int budget, uint64_t *poll_ns)
{
	struct vfu_server *server = opaque;

	return gvt_engine_run(server->gvt, id, budget, poll_ns);
}

static const struct engines_ops engines_ops = { .run = run_slice };

/* ---- sockets ---- */

/* Is the socket one that a server left behind? */
static bool is_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	bool stale;
	int fd;

	if (lstat(addr->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	stale = fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) &&
		errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return stale;
}

static int bind_to(int fd, const struct sockaddr_un *addr)
{
	const struct sockaddr *sa = (const struct sockaddr *)addr;

	if (!bind(fd, sa, sizeof(*addr)))
		return 0;
	if (errno != EADDRINUSE)
		return -1;
	if (!is_stale(addr)) {
		errno = EADDRINUSE;
		return -1;
	}
	unlink(addr->sun_path);
	return bind(fd, sa, sizeof(*addr));
}

static bool endpoint_open(struct endpoint *at, const char *path, char **error)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path)) {
		*error = g_strdup_printf("socket=%s: a path may have %zu characters", path,
					 sizeof(addr.sun_path) - 1);
		return false;
	}
	memcpy(addr.sun_path, path, strlen(path));
	at->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (at->fd >= 0 && !bind_to(at->fd, &addr) && !listen(at->fd, 8)) {
		at->path = g_strdup(path);
		return true;
	}
	*error = g_strdup_printf("socket=%s: cannot listen there: %s", path, strerror(errno));
	if (at->fd >= 0)
		close(at->fd);
	at->fd = -1;
	return false;
}

static void endpoint_close(struct endpoint *at)
{
	if (!at->path)
		return;
	close(at->fd);
	unlink(at->path);
	g_free(at->path);
	*at = (struct endpoint){ .fd = -1 };
}

/* ---- life ---- */

/** vfu_server_new - see server.h */
struct vfu_server *vfu_server_new(const struct gpu_config *config, bool debug, char **error)
{
	struct vfu_server *server = g_new0(struct vfu_server, 1);

	server->debug = debug;
	server->platform = config->platform;
	server->stats.fd = -1;
	server->engines = engines_new(&engines_ops, server);
	server->gvt = gvt_new(config, &host_ops, server);
	if (server->gvt)
		return server;
	*error = g_strdup("no memory for a GPU and its mediator");
	vfu_server_free(server);
	return NULL;
}

/** vfu_server_free - see server.h */
void vfu_server_free(struct vfu_server *server)
{
	unsigned int i;

	if (!server)
		return;
	engines_stop(server->engines);
	for (i = 0; i < server->ports; i++) {
		struct port *port = &server->port[i];

		endpoint_close(&port->at);
		vfu_device_free(port->device);
		pthread_mutex_destroy(&port->lock);
		g_free(port->name);
	}
	endpoint_close(&server->stats);
	gvt_free(server->gvt);
	engines_free(server->engines);
	g_free(server);
}

/** vfu_server_add - see server.h */
bool vfu_server_add(struct vfu_server *server, const char *name, const char *path,
		    const struct vgpu_config *config, const char *pvinfo,
		    const char *channel_fault, char **error)
{
	struct vfu_device *device = vfu_device_new(server->gvt, config, error);
	struct endpoint at;
	struct vgpu *vgpu;

	if (!device)
		return false;
	vgpu = vfu_device_vgpu(device);
	if ((pvinfo && !vgpu_set_pvinfo(vgpu, pvinfo, error)) ||
	    (channel_fault && !vgpu_set_channel_fault(vgpu, channel_fault, error)) ||
	    !endpoint_open(&at, path, error)) {
		vfu_device_free(device);
		return false;
	}
	/* The mediator has room for no more vGPUs than there are ports. */
	struct port *port = &server->port[server->ports++];

	*port = (struct port){ .name = g_strdup(name), .at = at, .device = device, .client = -1 };
	pthread_mutex_init(&port->lock, NULL);
	return true;
}

/** vfu_server_publish - see server.h */
bool vfu_server_publish(struct vfu_server *server, const char *path, char **error)
{
	return endpoint_open(&server->stats, path, error);
}

/* ---- counters ---- */

static struct json_object *snapshot(struct vfu_server *server)
{
	struct json_object *root = json_object_new_object();
	struct json_object *devices = json_object_new_object(), *one;
	unsigned int i;

	for (i = 0; i < server->ports; i++) {
		struct port *port = &server->port[i];

		one = stats_snapshot(vfu_device_stats(port->device));
		vgpu_describe(vfu_device_vgpu(port->device), one);
		pthread_mutex_lock(&port->lock);
		json_object_object_add(one, "in_use", json_object_new_boolean(port->client >= 0));
		pthread_mutex_unlock(&port->lock);
		json_object_object_add(devices, port->name, one);
	}
	json_object_object_add(root, "platform",
			       json_object_new_string(gpu_platform_name(server->platform)));
	json_object_object_add(root, "use", json_object_new_string("mediator"));
	json_object_object_add(root, "devices", devices);
	return root;
}

static void send_stats(struct vfu_server *server)
{
	const struct timeval patience = { .tv_sec = SEND_PATIENCE_S };
	int fd = accept4(server->stats.fd, NULL, NULL, SOCK_CLOEXEC);
	struct json_object *root;
	const char *text;
	size_t left;
	ssize_t n;

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	root = snapshot(server);
	text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
	for (left = strlen(text); left; left -= n, text += n) {
		n = send(fd, text, left, MSG_NOSIGNAL);
		if (n <= 0)
			break;
	}
	json_object_put(root);
	close(fd);
}

/* ---- clients ---- */

static void *serve_client(void *arg)
{
	struct port *port = arg;

	vfu_device_serve(port->device, port->client);
	fprintf(stderr, PROGRAM ": %s: its VM is gone\n", port->name);
	pthread_mutex_lock(&port->lock);
	close(port->client);
	port->client = -1;
	pthread_mutex_unlock(&port->lock);
	return NULL;
}

static bool is_in_use(struct port *port)
{
	bool used;

	pthread_mutex_lock(&port->lock);
	used = port->client >= 0;
	pthread_mutex_unlock(&port->lock);
	if (!used && port->joinable) {
		pthread_join(port->thread, NULL);
		port->joinable = false;
	}
	return used;
}

static void accept_client(struct port *port)
{
	int fd = accept4(port->at.fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (is_in_use(port)) {
		fprintf(stderr, PROGRAM ": %s: refused a second VM\n", port->name);
		close(fd);
		return;
	}
	port->client = fd;
	if (pthread_create(&port->thread, NULL, serve_client, port)) {
		fprintf(stderr, PROGRAM ": %s: no thread for a VM\n", port->name);
		port->client = -1;
		close(fd);
		return;
	}
	port->joinable = true;
	fprintf(stderr, PROGRAM ": %s: has a VM\n", port->name);
}

static void disconnect(struct port *port)
{
	pthread_mutex_lock(&port->lock);
	if (port->client >= 0)
		shutdown(port->client, SHUT_RDWR);
	pthread_mutex_unlock(&port->lock);
	if (port->joinable)
		pthread_join(port->thread, NULL);
	port->joinable = false;
}

/** vfu_server_run - see server.h */
bool vfu_server_run(struct vfu_server *server, int quit_fd, char **error)
{
	struct pollfd wait[2 + GVT_MAX_VGPUS] = { { .fd = quit_fd, .events = POLLIN },
						  { .fd = server->stats.fd, .events = POLLIN } };
	unsigned int i;

	if (!engines_start(server->engines, false)) {
		*error = g_strdup("the system has no threads for the engines");
		return false;
	}
	for (i = 0; i < server->ports; i++)
		wait[2 + i] = (struct pollfd){ .fd = server->port[i].at.fd, .events = POLLIN };
	while (!wait[0].revents) {
		if (poll(wait, 2 + server->ports, -1) < 0)
			continue;
		if (wait[1].revents)
			send_stats(server);
		for (i = 0; i < server->ports; i++)
			if (wait[2 + i].revents)
				accept_client(&server->port[i]);
	}
	for (i = 0; i < server->ports; i++)
		disconnect(&server->port[i]);
	engines_stop(server->engines);
	return true;
}
