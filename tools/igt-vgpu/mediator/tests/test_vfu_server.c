// SPDX-License-Identifier: MIT
/*
 * The server as a whole: its sockets, who is let in, the counters, the end.
 */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vfio-user/message.h"
#include "vfio-user/server.h"
#include "vfu_fixture.h"

/** struct run - a server of two vGPUs on a thread */
struct run {
	struct vfu_server *server;
	char *dir, *path[2], *stats;
	int quit;
	pthread_t thread;
	bool started;
};

static const struct gpu_config gpu = { .platform = GPU_SKL };

static void add(struct run *run, unsigned int n, unsigned int weight)
{
	const struct vgpu_config config = { .type = "GVTg_V5_8", .weight = weight };
	g_autofree char *name = g_strdup_printf("vm%u", n), *error = NULL;

	if (!vfu_server_add(run->server, name, run->path[n], &config, NULL, NULL, &error))
		fail_msg("vfu_server_add: %s", error);
}

static int setup(void **state)
{
	struct run *run = g_new0(struct run, 1);
	char *error = NULL;

	run->dir = g_dir_make_tmp("igt-vgpu-XXXXXX", NULL);
	run->path[0] = g_build_filename(run->dir, "0", NULL);
	run->path[1] = g_build_filename(run->dir, "1", NULL);
	run->stats = g_build_filename(run->dir, "stats", NULL);
	run->quit = eventfd(0, 0);
	run->server = vfu_server_new(&gpu, false, &error);
	assert_non_null(run->server);
	*state = run;
	return 0;
}

static void *run_server(void *arg)
{
	struct run *run = arg;
	char *error = NULL;

	assert_true(vfu_server_run(run->server, run->quit, &error));
	return NULL;
}

static void start(struct run *run)
{
	char *error = NULL;

	add(run, 0, 3);
	add(run, 1, 9);
	assert_true(vfu_server_publish(run->server, run->stats, &error));
	assert_int_equal(pthread_create(&run->thread, NULL, run_server, run), 0);
	run->started = true;
}

static void stop(struct run *run)
{
	const uint64_t one = 1;

	if (!run->started)
		return;
	assert_int_equal(write(run->quit, &one, sizeof(one)), sizeof(one));
	pthread_join(run->thread, NULL);
	run->started = false;
}

static int teardown(void **state)
{
	struct run *run = *state;

	stop(run);
	vfu_server_free(run->server);
	/* Nothing of it is left in the file system. */
	assert_int_equal(g_rmdir(run->dir), 0);
	close(run->quit);
	g_free(run->dir);
	g_free(run->path[0]);
	g_free(run->path[1]);
	g_free(run->stats);
	g_free(run);
	return 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	assert_int_equal(connect(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

/* Is there a device behind this connection, or its end? */
static bool negotiates(int fd)
{
	struct vfu_message msg = { .header.command = VFIO_USER_VERSION,
				   .length = sizeof(struct vfio_user_version), .fd = -1 };

	return !vfu_send(fd, &msg) && !vfu_receive(fd, &msg) &&
	       msg.header.flags == VFIO_USER_TYPE_REPLY;
}

static struct json_object *counters(struct run *run)
{
	int fd = connect_to(run->stats);
	GString *text = g_string_new(NULL);
	struct json_object *root;
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		g_string_append_len(text, buf, n);
	close(fd);
	root = json_tokener_parse(text->str);
	g_string_free(text, true);
	assert_non_null(root);
	return root;
}

static struct json_object *member(struct json_object *from, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(from, name, &value))
		fail_msg("there is no %s in %s", name, json_object_to_json_string(from));
	return value;
}

static bool in_use(struct run *run, const char *name)
{
	struct json_object *root = counters(run);
	bool used = json_object_get_boolean(member(member(member(root, "devices"), name),
						   "in_use"));

	json_object_put(root);
	return used;
}

static void each_vgpu_has_one_client(void **state)
{
	struct run *run = *state;
	int first, second, other;

	start(run);
	first = connect_to(run->path[0]);
	other = connect_to(run->path[1]);
	assert_true(negotiates(first));
	assert_true(negotiates(other));
	second = connect_to(run->path[0]);
	assert_false(negotiates(second));
	close(second);
	assert_true(in_use(run, "vm0"));
	close(first);
	while (in_use(run, "vm0"))
		g_usleep(1000);
	assert_true(in_use(run, "vm1"));
	second = connect_to(run->path[0]);
	assert_true(negotiates(second));
	close(second);
	close(other);
}

static void the_counters_are_those_of_each_vgpu(void **state)
{
	struct vx vx = { .sock = -1 };
	struct json_object *root, *vm0, *vm1;
	struct run *run = *state;

	start(run);
	vx.sock = connect_to(run->path[1]);
	vx_negotiate(&vx);
	assert_int_equal(vx_read(&vx, VFIO_PCI_BAR0_REGION_INDEX, VGT_PVINFO_PAGE, 8), VGT_MAGIC);
	root = counters(run);
	assert_string_equal(json_object_get_string(member(root, "platform")), "skl");
	vm0 = member(member(root, "devices"), "vm0");
	vm1 = member(member(root, "devices"), "vm1");
	assert_int_equal(json_object_get_int(member(member(vm0, "pvinfo"), "reads")), 0);
	assert_int_equal(json_object_get_int(member(member(vm1, "pvinfo"), "reads")), 1);
	assert_int_not_equal(json_object_get_int(member(member(vm0, "partition"), "hidden_base")),
			     json_object_get_int(member(member(vm1, "partition"), "hidden_base")));
	json_object_put(root);
	close(vx.sock);
}

static void the_end_is_the_end_for_its_clients(void **state)
{
	struct run *run = *state;
	int fd;
	char byte;

	start(run);
	fd = connect_to(run->path[0]);
	assert_true(negotiates(fd));
	stop(run);
	assert_int_equal(recv(fd, &byte, 1, 0), 0);
	close(fd);
}

static void expect_refusal(struct run *run, const char *path, const char *why)
{
	const struct vgpu_config config = { .type = "GVTg_V5_8" };
	char *error = NULL;

	assert_false(vfu_server_add(run->server, "bad", path, &config, NULL, NULL, &error));
	if (!strstr(error, why))
		fail_msg("'%s' does not say '%s'", error, why);
	g_free(error);
}

static void a_socket_that_is_used_is_left_and_one_that_nobody_serves_is_taken(void **state)
{
	g_autofree char *file = NULL, *lost = NULL, *deep = NULL, *longer = g_strnfill(200, 'x');
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct run *run = *state;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	/* Left behind by a server that was killed. */
	strncpy(addr.sun_path, run->path[0], sizeof(addr.sun_path) - 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	add(run, 0, 0);
	expect_refusal(run, run->path[0], "Address already in use");
	file = g_build_filename(run->dir, "file", NULL);
	assert_true(g_file_set_contents(file, "mine", -1, NULL));
	expect_refusal(run, file, "Address already in use");
	assert_true(g_file_test(file, G_FILE_TEST_IS_REGULAR));
	g_unlink(file);
	deep = g_build_filename(run->dir, "no", "folder", NULL);
	expect_refusal(run, deep, "No such file");
	lost = g_build_filename(run->dir, longer, NULL);
	expect_refusal(run, lost, "a path may have 107 characters");
}

static void a_vgpu_that_the_mediator_refuses_is_not_served(void **state)
{
	static const struct { struct vgpu_config config; const char *pvinfo, *fault, *why; } rows[] = {
		{ { .type = "GVTg_V9_9" }, NULL, NULL, "GVTg_V9_9" },
		{ { .type = "GVTg_V5_8", .weight = 17 }, NULL, NULL, "weight=17" },
		{ { .type = "GVTg_V5_8" }, "bogus=1", NULL, "bogus" },
		{ { .type = "GVTg_V5_8" }, NULL, "bogus", "bogus" },
	};
	struct run *run = *state;
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *error = NULL;

		assert_false(vfu_server_add(run->server, "bad", run->path[0], &rows[i].config,
					    rows[i].pvinfo, rows[i].fault, &error));
		assert_non_null(strstr(error, rows[i].why));
		assert_false(g_file_test(run->path[0], G_FILE_TEST_EXISTS));
		g_free(error);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_vgpu_has_one_client),
		T(the_counters_are_those_of_each_vgpu),
		T(the_end_is_the_end_for_its_clients),
		T(a_socket_that_is_used_is_left_and_one_that_nobody_serves_is_taken),
		T(a_vgpu_that_the_mediator_refuses_is_not_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
