// SPDX-License-Identifier: MIT
/*
 * igt-vgpu-server: a GPU in software with its mediator, whose vGPUs are served to VMs by the
 * vfio-user protocol. The command line; all else is in server.c.
 */
#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"

static const char vgpu_keys[] =
	"Keys of a vGPU, as those of QEMU's device igt-vgpu (docs/mediator.rst): name (vgpu0, vgpu1, ...), type,\n"
	"aperture-base, aperture-size, hidden-base, hidden-size (bytes, or with K, M, G), fence-base, fences,\n"
	"whole-ggtt=on, weight, abi=1.0|1.1, features, pvinfo, channel-fault";

/** struct vgpu_options - one --vgpu */
struct vgpu_options {
	const char *name, *socket, *pvinfo, *channel_fault;
	struct vgpu_config config;
};

/* A number with an optional K, M or G, of at most @max. */
static bool parse_number(const char *text, uint64_t max, uint64_t *value)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-')
		return false;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		unsigned int shift = 10 * (unit - units + 1);

		if (*value > UINT64_MAX >> shift)
			return false;
		*value <<= shift;
		end++;
	}
	return !*end && *value <= max;
}

enum key { NAME, SOCKET, TYPE, PVINFO, CHANNEL_FAULT, ABI, WHOLE_GGTT, FIRST_NUMBER,
	   APERTURE_BASE = FIRST_NUMBER, APERTURE_SIZE, HIDDEN_BASE, HIDDEN_SIZE, FENCE_BASE,
	   FENCES, WEIGHT, FEATURES };

static bool set_text(struct vgpu_options *o, enum key key, const char *value)
{
	switch (key) {
	case NAME:
		o->name = value;
		return true;
	case SOCKET:
		o->socket = value;
		return true;
	case TYPE:
		o->config.type = value;
		return true;
	case PVINFO:
		o->pvinfo = value;
		return true;
	case CHANNEL_FAULT:
		o->channel_fault = value;
		return true;
	case ABI:
		o->config.abi_1_0 = !strcmp(value, "1.0");
		return o->config.abi_1_0 || !strcmp(value, "1.1");
	default:
		o->config.whole_ggtt = !strcmp(value, "on");
		return o->config.whole_ggtt || !strcmp(value, "off");
	}
}

static bool set_number(struct vgpu_options *o, enum key key, const char *text)
{
	struct vgpu_partition *part = &o->config.partition;
	uint64_t value;

	if (!parse_number(text, key < FENCE_BASE ? UINT64_MAX : UINT32_MAX, &value))
		return false;
	switch (key) {
	case APERTURE_BASE:
		part->aperture_base = value;
		break;
	case APERTURE_SIZE:
		part->aperture_size = value;
		break;
	case HIDDEN_BASE:
		part->hidden_base = value;
		break;
	case HIDDEN_SIZE:
		part->hidden_size = value;
		break;
	case FENCE_BASE:
		part->fence_base = value;
		break;
	case FENCES:
		part->fences = value;
		break;
	case WEIGHT:
		o->config.weight = value;
		break;
	default:
		o->config.features_withheld = ~(uint32_t)value;
	}
	return true;
}

static bool parse_vgpu(char *text, struct vgpu_options *o, char **error)
{
	static char *const keys[] = {
		[NAME] = "name", [SOCKET] = "socket", [TYPE] = "type", [PVINFO] = "pvinfo",
		[CHANNEL_FAULT] = "channel-fault", [ABI] = "abi", [WHOLE_GGTT] = "whole-ggtt",
		[APERTURE_BASE] = "aperture-base", [APERTURE_SIZE] = "aperture-size",
		[HIDDEN_BASE] = "hidden-base", [HIDDEN_SIZE] = "hidden-size",
		[FENCE_BASE] = "fence-base", [FENCES] = "fences", [WEIGHT] = "weight",
		[FEATURES] = "features", NULL
	};
	char *value;
	int key;

	while (*text) {
		const char *at = text;

		key = getsubopt(&text, keys, &value);
		if (key < 0 || !value) {
			*error = g_strdup_printf("--vgpu: '%s': no such key, or no value", at);
			return false;
		}
		if (key < FIRST_NUMBER ? !set_text(o, key, value) : !set_number(o, key, value)) {
			*error = g_strdup_printf("--vgpu: %s=%s is not possible; see --help",
						 keys[key], value);
			return false;
		}
	}
	if (o->socket)
		return true;
	*error = g_strdup("--vgpu: socket=PATH is missing");
	return false;
}

static bool add_vgpu(struct vfu_server *server, enum gpu_platform platform,
		     struct vgpu_options *o, unsigned int number, char **error)
{
	g_autofree char *name = g_strdup_printf("vgpu%u", number), *why = NULL;
	bool given = vgpu_partition_is_given(&o->config.partition);

	if (o->config.type && (given || o->config.whole_ggtt))
		why = g_strdup("a type excludes an explicit partition and whole-ggtt");
	/* The smallest type, as the platform names it: two of them fit side by side. */
	if (!o->config.type && !given && !o->config.whole_ggtt)
		o->config.type = platform == GPU_BDW ? "GVTg_V4_8" : "GVTg_V5_8";
	if (!why && vfu_server_add(server, o->name ? o->name : name, o->socket, &o->config,
				   o->pvinfo, o->channel_fault, &why)) {
		printf("%s: %s%sat %s\n", o->name ? o->name : name,
		       o->config.type ? o->config.type : "", o->config.type ? " " : "",
		       o->socket);
		return true;
	}
	*error = g_strdup_printf("%s: %s", o->name ? o->name : name, why);
	return false;
}

/** struct options - the command line; the strings are the caller's to free */
struct options {
	struct gpu_config gpu;
	gboolean debug;
	char *platform, *aperture, *stats, **vgpu_texts;
	struct vgpu_options vgpu[GVT_MAX_VGPUS];
	unsigned int vgpus;
};

static void free_options(struct options *o)
{
	g_free(o->platform);
	g_free(o->aperture);
	g_free(o->stats);
	g_strfreev(o->vgpu_texts);
}

/* What GOption has split, judged. */
static bool parse_values(struct options *o, char **error)
{
	uint64_t size = GPU_APERTURE_SIZE;
	char **text;

	if (o->platform && !gpu_platform_from_name(o->platform, &o->gpu.platform)) {
		*error = g_strdup_printf("--platform=%s is not possible; see --help", o->platform);
		return false;
	}
	if (o->aperture && (!parse_number(o->aperture, GPU_APERTURE_MAX, &size) ||
			    size < GPU_APERTURE_SIZE || (size & (size - 1)))) {
		*error = g_strdup_printf("--aperture=%s is not possible; see --help", o->aperture);
		return false;
	}
	o->gpu.aperture_size = size;
	for (text = o->vgpu_texts; text && *text; text++) {
		if (o->vgpus == GVT_MAX_VGPUS) {
			*error = g_strdup_printf("--vgpu %s is one too many: a GPU has at most %d vGPUs",
						 *text, GVT_MAX_VGPUS);
			return false;
		}
		if (!parse_vgpu(*text, &o->vgpu[o->vgpus++], error))
			return false;
	}
	if (o->vgpus)
		return true;
	*error = g_strdup("there is no --vgpu");
	return false;
}

static bool parse(struct options *o, int argc, char **argv, char **error)
{
	const GOptionEntry entries[] = {
		{ "platform", 0, 0, G_OPTION_ARG_STRING, &o->platform,
		  "which GPU (skl)", "skl|bdw|kbl|cfl" },
		{ "aperture", 0, 0, G_OPTION_ARG_STRING, &o->aperture,
		  "its BAR 2 (256M)", "256M|512M|1G" },
		{ "stats", 0, 0, G_OPTION_ARG_FILENAME, &o->stats,
		  "a socket: who connects is sent all counters, JSON", "PATH" },
		{ "debug", 0, 0, G_OPTION_ARG_NONE, &o->debug,
		  "log the debug lines of the GPU and its mediator", NULL },
		{ "vgpu", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->vgpu_texts,
		  "a vGPU and its socket; once for each", "socket=PATH[,KEY=VALUE]..." },
		{ NULL }
	};
	g_autoptr(GOptionContext) context = g_option_context_new("- a GPU in software, shared by VMs");
	g_autoptr(GError) problem = NULL;

	g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_set_description(context, vgpu_keys);
	if (!g_option_context_parse(context, &argc, &argv, &problem)) {
		*error = g_strdup(problem->message);
		return false;
	}
	if (argc > 1) {
		*error = g_strdup_printf("'%s' is not an option; see --help", argv[1]);
		return false;
	}
	return parse_values(o, error);
}

static bool run(struct options *o, int quit_fd, char **error)
{
	struct vfu_server *server = vfu_server_new(&o->gpu, o->debug, error);
	bool good = server && (!o->stats || vfu_server_publish(server, o->stats, error));
	unsigned int i;

	for (i = 0; good && i < o->vgpus; i++)
		good = add_vgpu(server, o->gpu.platform, &o->vgpu[i], i, error);
	if (good) {
		printf("ready\n");
		fflush(stdout);
		good = vfu_server_run(server, quit_fd, error);
	}
	vfu_server_free(server);
	return good;
}

int main(int argc, char **argv)
{
	struct options options = { .gpu.platform = GPU_SKL };
	g_autofree char *error = NULL;
	int status = 0;
	sigset_t ends;

	if (!parse(&options, argc, argv, &error)) {
		fprintf(stderr, "igt-vgpu-server: %s\n", error);
		free_options(&options);
		return 2;
	}
	/* In all threads: what ends the program is read from a file descriptor. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	/* The sockets are for who starts this and for nobody else. */
	umask(077);
	if (!run(&options, signalfd(-1, &ends, SFD_CLOEXEC), &error)) {
		fprintf(stderr, "igt-vgpu-server: %s\n", error);
		status = 1;
	}
	free_options(&options);
	return status;
}
